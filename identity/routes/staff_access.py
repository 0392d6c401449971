"""Who may use the consoles of officers, agents and operators: a role, and the level of sign-in that the settings ask for."""

from typing import cast
from uuid import UUID

from flask import g

from identity.context import current
from identity.models.finders import roles_of
from identity.routes.account_access import AccountHolder, account
from shared.problems import Forbidden
from shared.web import gettext_noop


class RoleHolder(AccountHolder):
    """A person with one of the roles, in any organisation or for the whole suite; `g.offices` are where they have it."""

    def __init__(self, *roles: str) -> None:
        super().__init__()
        self.roles = roles

    def describe(self) -> str:
        """Return the rule as documents show it."""
        return "staff with role " + " or ".join(self.roles) + ", at the level of the settings"

    def check(self) -> None:
        """Leave the session in `g.account` and the organisations in `g.offices`.  Raises: Forbidden."""
        self.level = current().settings.staff_level
        super().check()
        identity = current()
        with identity.reading() as tx:
            held = roles_of(tx.connection, account().person_id, identity.clock.now())
        pairs = [role.rpartition(":")[::2] for role in held]
        g.offices = sorted({office for office, role in pairs if role in self.roles})
        if not g.offices:
            raise Forbidden(gettext_noop("Your account has no role for this."))


def offices() -> list[str]:
    """Return the organisations in which the present person has the role; an operator's is empty text."""
    return cast(list[str], g.offices)


def staff_id() -> UUID:
    """Return who works here."""
    return account().person_id
