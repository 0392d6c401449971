"""Activate an account with the code from a counter (§3.6, step 6)."""

from flask import Response, request

from identity.context import current
from identity.operations import activation, guards
from identity.operations.activation import Choice
from identity.operations.refusals import ActivationRefused, PasswordRefused
from identity.providers.base import TooBusy
from identity.routes.account_contacts import EMAIL
from identity.routes.browser import read_origin
from identity.standards import one_time_codes, robot_check
from shared.access import PUBLIC_PAGE
from shared.problems import Unavailable
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import allow, errors_of, gettext, gettext_noop, page

routes = Routes("activate", __name__, access=PUBLIC_PAGE)
Errors = list[tuple[str, str]]


@routes.get("/activar")
@routes.get("/activate", endpoint="show_in_english")
def show_activate() -> Response:
    """Ask for RUN, code, and a password."""
    return _show([], {})


def _show(errors: Errors, values: dict[str, str], *, check: bool = False) -> Response:
    ticket = ""
    allow("script-src", "'self'")
    if check:
        ticket = guards.give_ticket(current(), "activate")
    shown = {"values": values, "ticket": ticket, "bits": robot_check.WORK_BITS, "error_list": errors_of(errors)}
    return page("identity/office/activate.html", 400 if errors else 200, **shown)


@routes.post("/activar")
def send_activate() -> Response:
    """Make the account its person's."""
    identity, form = current(), request.form
    values = {name: form.get(name, "").strip()[:254] for name in ("run", "code", "email")}
    errors: Errors = []
    try:
        run = parse_run(values["run"][:64])
    except InvalidRun:
        errors.append(("run", gettext("Check the RUN and the digit after the hyphen.")))
    if not values["code"]:
        errors.append(("code", gettext("Enter the code from the counter.")))
    if values["email"] and not EMAIL.fullmatch(values["email"]):
        errors.append(("email", gettext("Enter an e-mail address such as name@example.com.")))
    if form.get("terms") != "yes":
        errors.append(("terms", gettext("Accept the terms to go on.")))
    if errors:
        return _show(errors, values)
    if guards.is_crowded(identity, read_origin(identity)) and not guards.passes(
        identity, "activate", form.get("ticket", ""), form.get("work", "")
    ):
        wait = gettext("Many tries come from your network. Wait 15 seconds, enter your password again and go on.")
        return _show([("run", wait)], values, check=True)
    choice = Choice(form.get("password", ""), values["email"], terms_accepted=True)
    try:
        codes = activation.activate(identity, run, values["code"][:40], choice)
    except ActivationRefused as refused:
        return _show([("code", gettext(refused.detail))], values)
    except PasswordRefused as refused:
        return _show([("password", gettext(refused.detail))], values)
    except TooBusy:
        raise Unavailable(gettext_noop("Many people are signing in just now. Try again in a moment."), retry_after_seconds=2) from None
    return page("identity/office/activated.html", codes=[one_time_codes.grouped(code) for code in codes])
