"""The operator's page of jobs that were given up (§3.12)."""

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.models.organisation import Role
from identity.operations import dead_jobs
from identity.routes.staff_access import RoleHolder, staff_id
from shared.routes import Routes
from shared.web import page

routes = Routes("operator_jobs", __name__, access=RoleHolder(Role.OPERATOR), url_prefix="/operator/jobs")
ID_DIGITS_MAX = 18


@routes.get("")
def show_jobs() -> Response:
    """Each with the error it ended with; what it was about is not shown."""
    return page("identity/register/jobs.html", jobs=dead_jobs.list_dead(current()))


@routes.post("/replay")
def replay() -> Response:
    """Run one again, or all; one that is not there any more is passed over."""
    typed = request.form.get("job_id", "")
    if not typed or (typed.isdecimal() and len(typed) <= ID_DIGITS_MAX):
        dead_jobs.replay(current(), staff_id(), int(typed) if typed else None)
    return make_response(redirect(url_for("operator_jobs.show_jobs"), 303))
