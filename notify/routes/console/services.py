"""The console's start page, one service, and starting another."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.models.team import Right
from notify.operations.standing import state_of
from notify.operations.teams import NAME_CHARACTERS_MAX, SERVICES_MAX, list_services, start_service
from notify.operations.template_shelf import list_shelf
from notify.operations.usage import usage_of, usage_of_year
from notify.routes.console.access import Team, member
from notify.routes.console.pages import show_page
from notify.schemas.console_words import written_money
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

YEAR_DIGITS = 4
bp = Routes("console", __name__, access=Team(Right.VIEW))


@bp.get("/")
def home() -> ResponseReturnValue:
    """List the services this person works on."""
    name = request.args.get("name", "").strip().replace("\x00", "")[:NAME_CHARACTERS_MAX]
    found = list_services(current(), member(), name)
    return show_page("home", services=found, name=name, is_cut=len(found) == SERVICES_MAX)


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


@bp.get("/services/<uuid:service_id>/usage")
def usage(service_id: UUID) -> ResponseReturnValue:
    """Show what a service sent in a year and what it cost, month by month and by template; `?year=`."""
    notify, this_year = current(), current().clock.now().year
    asked = request.args.get("year", str(this_year))
    year = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == YEAR_DIGITS else 0
    found = usage_of_year(notify, service_id, year) if 0 < year <= this_year else None
    if found is None or year < found.first:
        raise NotFound(gettext("There is nothing of this year."))
    return show_page(
        "usage",
        found=found,
        this_year=this_year,
        names={shelved.template.id: shelved.template.name for shelved in list_shelf(notify, service_id)},
        money=lambda amount: written_money(amount, notify.settings.money),
    )
