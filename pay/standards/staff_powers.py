"""What people of an organisation may do in the console, by their role in the service register.

A role comes as `organisation:role`; an operator's is `operator`, for the whole suite.  Spec: identity-oidc §3.11, design §4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

OPERATOR = "operator"


class Power(StrEnum):
    """One thing that may be done; money and secrets ask for a second factor besides."""

    LOOK = "look"
    MONEY = "money"
    MANAGE = "manage"
    ASSIST = "assist"


POWERS: dict[str, frozenset[Power]] = {
    "owner": frozenset(Power),
    "developer": frozenset({Power.LOOK, Power.MANAGE}),
    "auditor": frozenset({Power.LOOK}),
    "agent": frozenset({Power.LOOK, Power.ASSIST}),
}


@dataclass(frozen=True)
class StaffMember:
    """A person who signed in with roles."""

    sub: str
    name: str
    roles: tuple[str, ...]

    @property
    def actor(self) -> str:
        """The name the audit log knows the person by."""
        return f"staff:{self.sub}"

    @property
    def is_operator(self) -> bool:
        """True for who runs the whole installation."""
        return OPERATOR in self.roles

    def powers_in(self, organisation_id: str) -> frozenset[Power]:
        """Return what this person may do with an organisation's accounts."""
        if self.is_operator:
            return frozenset(Power)
        return _joined(role for role in self.roles if role.rpartition(":")[0] == organisation_id)

    def organisations(self) -> frozenset[str]:
        """Return the organisations whose accounts this person may look at."""
        named = {role.rpartition(":")[0] for role in self.roles if ":" in role}
        return frozenset(org_id for org_id in named if Power.LOOK in self.powers_in(org_id))

    @property
    def may_come(self) -> bool:
        """True when there is something in the console for this person."""
        return self.is_operator or bool(self.organisations())


def _joined(roles: Iterable[str]) -> frozenset[Power]:
    found: frozenset[Power] = frozenset()
    for role in roles:
        found |= POWERS.get(role.rpartition(":")[2], frozenset())
    return found
