"""The operator's console: let services go live, block clients and persons (§3.12)."""

from datetime import UTC, datetime

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.errors import RegisterNotFound
from identity.models.organisation import Role
from identity.operations import assistance_views, operating, teams
from identity.routes.staff_access import RoleHolder, staff_id
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import errors_of, gettext, page

routes = Routes("operator", __name__, access=RoleHolder(Role.OPERATOR), url_prefix="/operator")
REASON_MIN = 10


@routes.get("")
def show_console() -> Response:
    """What waits, and what can be stopped."""
    return _show([])


def _show(errors: list[tuple[str, str]], **values: str) -> Response:
    identity = current()
    status = 400 if errors else 200
    return page(
        "identity/register/operator.html",
        status,
        staff_level=identity.settings.staff_level,
        asking=teams.list_asking(identity),
        blocked=operating.list_blocked(identity),
        outliers=operating.list_outliers(identity),
        helped=assistance_views.report(identity),
        to_review=assistance_views.to_review(identity),
        values=values,
        error_list=errors_of(errors),
    )


def _done() -> Response:
    return make_response(redirect(url_for("operator.show_console"), 303))


@routes.post("/live/<service_id>")
def approve(service_id: str) -> Response:
    """Let a service go live; not one that the same person asked for."""
    teams.approve_live(current(), staff_id(), service_id)
    return _done()


@routes.post("/clients")
def set_client() -> Response:
    """Block a client everywhere within a minute, or let it in again."""
    client_id, reason = request.form.get("client_id", "").strip()[:80], request.form.get("reason", "").strip()[:300]
    blocked = request.form.get("decision") != "unblock"
    if len(reason) < REASON_MIN:
        return _show([("client-reason", gettext("Write the reason in some words; it is kept."))], client_id=client_id)
    try:
        operating.set_client_blocked(current(), client_id, blocked=blocked, reason=reason, operator_id=staff_id())
    except RegisterNotFound:
        return _show([("client_id", gettext("There is no such client."))], client_id=client_id)
    return _done()


@routes.post("/persons")
def set_person() -> Response:
    """Suspend a person, or let them in again; their sessions end and they are told."""
    typed, reason = request.form.get("run", "")[:64], request.form.get("reason", "").strip()[:300]
    suspended = request.form.get("decision") != "unblock"
    if len(reason) < REASON_MIN:
        return _show([("person-reason", gettext("Write the reason in some words; it is kept."))], run=typed)
    try:
        operating.set_person_suspended(current(), parse_run(typed), suspended=suspended, reason=reason, operator_id=staff_id())
    except InvalidRun:
        return _show([("run", gettext("Check the RUN and the digit after the hyphen."))], run=typed)
    except RegisterNotFound:
        return _show([("run", gettext("This person has no account yet."))], run=typed)
    return _done()


@routes.post("/revoke")
def revoke() -> Response:
    """End what was granted in a span of time: after a theft, or a fault of ours."""
    values = {name: request.form.get(name, "").strip()[:300] for name in ("since", "until", "revoke_client", "revoke_reason")}
    if len(values["revoke_reason"]) < REASON_MIN:
        return _show([("revoke_reason", gettext("Write the reason in some words; it is kept."))], **values)
    try:
        since, until = (datetime.strptime(values[name], "%Y-%m-%dT%H:%M").replace(tzinfo=UTC) for name in ("since", "until"))
        client_id, reason = values["revoke_client"], values["revoke_reason"]
        operating.revoke_between(current(), since, until, client_id=client_id, reason=reason, operator_id=staff_id())
    except ValueError:
        return _show([("since", gettext("Enter day and time like 2026-12-31T14:05."))], **values)
    except RegisterNotFound:
        return _show([("revoke_client", gettext("There is no such client."))], **values)
    return _done()
