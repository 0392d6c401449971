"""The auditor's view: read-only, and each look is recorded.  Spec: wallet contract §18; requirements WA-3."""

import re
from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue

from shared.problems import Forbidden, InvalidRequest
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import gettext_noop, page
from shared.web.person import Person
from shared.web.signed_in import STAFF_LEVEL, Citizen
from wallet.context import current
from wallet.events import Outcome
from wallet.operations.auditing import Look, look, what_is_owed

ROLE = "auditor"
ORG = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class Auditor(Citizen):
    """A person with a role `<org_id>:auditor`: for that body, or for all where the settings name it as the one that audits."""

    name = "staff with the role auditor"
    level = STAFF_LEVEL

    def check(self) -> None:
        """Leave the Person in `g.person` and her bodies in `g.bodies`, None for all.  Raises: Forbidden."""
        super().check()
        person: Person = g.person
        bodies = frozenset(role.removesuffix(":" + ROLE) for role in person.roles if role.endswith(":" + ROLE)) - {""}
        if not bodies:
            raise Forbidden(gettext_noop("Your account has no role for this."))
        g.bodies = None if current().settings.auditor_org in bodies else bodies


bp = Routes("auditor", __name__, url_prefix="/auditor", access=Auditor())


@bp.get("/")
def home() -> ResponseReturnValue:
    """Show what bodies owe, and what does not fit."""
    return page("wallet/auditor.html", owed=what_is_owed(current(), _auditor(), g.bodies))


@bp.get("/entries")
def entries() -> ResponseReturnValue:
    """Show entries of the log, without persons."""
    asked = Look(
        bodies=g.bodies,
        org_id=_org(),
        outcome=_outcome(),
        txn=_uuid("txn"),
        before=_uuid("before"),
    )
    found = look(current(), _auditor(), asked)
    return page("wallet/auditor_entries.html", found=found, asked=asked, outcomes=list(Outcome))


def _auditor() -> str:
    person: Person = g.person
    return f"staff:{person.sub}"


def _org() -> str:
    """Return the code of a body as it enters the log for ever: never the number of a person.  Raises: InvalidRequest."""
    text = request.args.get("org", "").strip()
    if text and (ORG.fullmatch(text) is None or _is_run(text)):
        raise InvalidRequest(gettext_noop("The code of a body has letters, digits and . _ : - and is no RUN."))
    return text


def _is_run(text: str) -> bool:
    try:
        parse_run(text.removeprefix("cl-run:"))
    except InvalidRun:
        return False
    return True


def _outcome() -> str:
    text = request.args.get("outcome", "")
    if text and text not in set(Outcome):
        raise InvalidRequest(gettext_noop("Choose a result from the list."))
    return text


def _uuid(name: str) -> UUID | None:
    text = request.args.get(name, "").strip()
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidRequest(gettext_noop("The number of an exchange has 36 characters.")) from None
