"""The console's start page, one service, and starting another."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.models.team import Right
from notify.operations.standing import state_of
from notify.operations.teams import NAME_CHARACTERS_MAX, list_services, start_service
from notify.operations.usage import usage_of
from notify.routes.console.access import Team, member
from notify.routes.console.pages import show_page
from notify.schemas.console_words import written_money
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console", __name__, access=Team(Right.VIEW))


@bp.get("/")
def home() -> ResponseReturnValue:
    """List the services this person works on."""
    return show_page("home", services=list_services(current(), member()))


@bp.route("/services/new", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """Start a service on trial."""
    organisations = sorted(member().may_start_services)
    name, org_id = request.form.get("name", "").strip(), request.form.get("org_id", "").strip()
    problems = []
    if request.method == "POST":
        if not name or len(name) > NAME_CHARACTERS_MAX:
            problems.append(("name", gettext("Write the name that people know the service by.")))
        if not org_id:
            problems.append(("org_id", gettext("Choose the organisation that runs it.")))
        if not problems:
            made = start_service(current(), member(), org_id=org_id, name=name)
            return redirect(url_for("console.show", service_id=made), 303)
    return show_page(
        "start",
        problems,
        name=name,
        org_id=org_id,
        organisations=organisations,
    )


@bp.get("/services/<uuid:service_id>")
def show(service_id: UUID) -> ResponseReturnValue:
    """Show one service: what it sent lately, and the ways on."""
    notify = current()
    return show_page(
        "service",
        usage=usage_of(notify, service_id),
        money=lambda amount: written_money(amount, notify.settings.money),
        state=state_of(notify, service_id),
    )
