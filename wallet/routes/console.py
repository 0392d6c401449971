"""The console of bodies: answer enquiries, see what is overdue and what of the reports does not fit.  Spec: wallet contract §10.3."""

from uuid import UUID

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from shared.problems import Forbidden, InvalidRequest
from shared.routes import Routes
from shared.web import gettext_noop, page
from shared.web.person import Person
from shared.web.signed_in import STAFF_LEVEL, Citizen
from wallet.context import current
from wallet.models.enquiry import AnswerKind
from wallet.operations.console import Desk, desk_of
from wallet.operations.enquiries import answer_enquiry, list_asked

READERS = frozenset({"auditor"})


class BodyStaff(Citizen):
    """A person with a role at a body: `<org_id>:<role>`; an auditor reads and does not act."""

    name = "staff of a body"
    level = STAFF_LEVEL

    def __init__(self, *roles: str) -> None:
        self.roles = frozenset(roles)

    def describe(self) -> str:
        """Return the rule as documents show it."""
        return super().describe() + (f", role {' or '.join(sorted(self.roles))}" if self.roles else "")

    def check(self) -> None:
        """Leave the Person in `g.person` and her bodies in `g.bodies`.  Raises: Forbidden when she has none."""
        super().check()
        person: Person = g.person
        found = [role.rpartition(":") for role in person.roles]
        fit = [(org_id, role) for org_id, colon, role in found if colon and org_id and role not in READERS]
        g.bodies = sorted({org_id for org_id, role in fit if not self.roles or role in self.roles})
        if not g.bodies:
            raise Forbidden(gettext_noop("Your account has no role at a body."))


bp = Routes("console", __name__, url_prefix="/console", access=BodyStaff())


@bp.get("/")
def home() -> ResponseReturnValue:
    """Show what is asked of the body, its datasets, agreements and how much of each limit is used."""
    wallet = current()
    desk: Desk = desk_of(wallet, g.bodies)
    return page("wallet/console.html", desk=desk, enquiries=list_asked(wallet, g.bodies))


@bp.post("/enquiries/<uuid:enquiry_id>")
def answer(enquiry_id: UUID) -> ResponseReturnValue:
    """Answer an enquiry for the body."""
    form = request.form
    if form.get("kind") not in set(AnswerKind):
        raise InvalidRequest(gettext_noop("Choose one of the answers."))
    person: Person = g.person
    answer_enquiry(
        current(),
        g.bodies,
        enquiry_id,
        kind=AnswerKind(form["kind"]),
        law=form.get("law", "").strip()[:300] or None,
        text=form.get("text", "").strip(),
        actor=f"staff:{person.sub}",
    )
    return redirect(url_for("console.home"), 303)
