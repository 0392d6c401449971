"""The check of a team's test site: ask for it, and read what was found (§1.8, §3.11)."""

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.operations import site_checks
from identity.operations.site_checks import AddressNotOfTheSite, Wanted
from identity.routes.account_access import AccountHolder, account
from identity.standards.site_findings import LINES, OUTCOME_WORDS, SEEN_WORDS
from shared.routes import Routes
from shared.states import WrongState
from shared.web import errors_of, gettext, page

routes = Routes("team_checks", __name__, access=AccountHolder(level=2), url_prefix="/team/services")
FIELDS = ("client_id", "login_url", "page_url", "sign_out_url")


@routes.get("/<service_id>/check")
def show_check(service_id: str) -> Response:
    """The form, and the findings of the newest check of each client."""
    return _show(service_id, [], {})


def _show(service_id: str, errors: list[tuple[str, str]], values: dict[str, str]) -> Response:
    view, checks = site_checks.look(current(), account().person_id, service_id)
    if not values and checks:
        last = max(checks.items(), key=lambda pair: pair[1].asked_at)
        values = {"client_id": last[0], **{name: getattr(last[1], name) for name in FIELDS[1:]}}
    words = {"lines": LINES, "outcomes": OUTCOME_WORDS, "seen": SEEN_WORDS}
    shown = {"view": view, "clients": site_checks.site_clients(view), "checks": checks, "values": values}
    return page("identity/register/check.html", 400 if errors else 200, error_list=errors_of(errors), **shown, **words)


@routes.post("/<service_id>/check")
def start_check(service_id: str) -> Response:
    """Have the site looked at."""
    values = {name: request.form.get(name, "").strip()[:2_001] for name in FIELDS}
    try:
        site_checks.ask(current(), account().person_id, service_id, Wanted(**values))
    except AddressNotOfTheSite as wrong:
        return _show(service_id, [(str(wrong), gettext("Enter an address of the site to which we send people back."))], values)
    except WrongState as wrong:
        return _show(service_id, [("login_url", gettext(wrong.detail))], values)
    return make_response(redirect(url_for("team_checks.show_check", service_id=service_id), 303))
