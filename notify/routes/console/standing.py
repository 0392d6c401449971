"""How a service stands with those who get its e-mails; the operator pauses and resumes."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.models.team import Right
from notify.operations.standing import BOUNCES_MIN, COMPLAINTS_MIN, list_standings, pause, resume, show_standing
from notify.routes.console.access import Team, member
from notify.routes.console.pages import show_page
from shared.routes import Routes

bp = Routes("console_standing", __name__, access=Team(Right.VIEW))


@bp.get("/services/<uuid:service_id>/standing")
def show(service_id: UUID) -> ResponseReturnValue:
    """Show what bounced and who complained, and from when a service is warned and paused."""
    minima = {"bounces": BOUNCES_MIN, "complaints": COMPLAINTS_MIN}
    return show_page("standing", standing=show_standing(current(), service_id), limits=current().settings, minima=minima)


@bp.post("/services/<uuid:service_id>/standing", access=Team(Right.OPERATE))
def change(service_id: UUID) -> ResponseReturnValue:
    """Pause a service's e-mails, or let them go on."""
    act = resume if request.form.get("act") == "resume" else pause
    act(current(), member(), service_id)
    return redirect(url_for("console_standing.show", service_id=service_id), 303)


@bp.get("/standings", access=Team(Right.OPERATE))
def show_all() -> ResponseReturnValue:
    """List the services that are warned or paused."""
    return show_page("standings", standings=list_standings(current()))
