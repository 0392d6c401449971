"""Who works on a service, and what each may do: roles of the service register, as identity tells them at sign-in.

`operator` may do everything on every service; `organisation:role` is for the services of that organisation.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Right(StrEnum):
    """What a page lets a person do."""

    VIEW = "view"
    SEND = "send"
    EDIT = "edit"
    MANAGE = "manage"
    OPERATE = "operate"


OPERATOR = "operator"
RIGHTS = MappingProxyType(
    {
        "owner": frozenset({Right.VIEW, Right.SEND, Right.EDIT, Right.MANAGE}),
        "developer": frozenset({Right.VIEW, Right.SEND, Right.EDIT, Right.MANAGE}),
        "agent": frozenset({Right.VIEW, Right.SEND}),
        "supplier": frozenset({Right.VIEW, Right.EDIT}),
        "auditor": frozenset({Right.VIEW}),
    }
)


@dataclass(frozen=True)
class Member:
    """A person of a team; `sub` is notify's own name for the person."""

    sub: str
    name: str
    roles: tuple[str, ...]

    @property
    def actor(self) -> str:
        """What audit rows call this person."""
        return f"staff:{self.sub}"

    @property
    def is_operator(self) -> bool:
        """True for who runs the suite."""
        return OPERATOR in self.roles

    @property
    def organisations(self) -> frozenset[str]:
        """The organisations this person has a role of ours in."""
        return frozenset(org for org, _, role in (role.partition(":") for role in self.roles) if role in RIGHTS)

    @property
    def may_start_services(self) -> frozenset[str]:
        """The organisations this person may start a service for."""
        return frozenset(org for org in self.organisations if self.may(Right.MANAGE, org))

    def may(self, right: Right, org_id: str | None) -> bool:
        """Tell whether this person may do something on a service of an organisation."""
        if self.is_operator:
            return True
        found = (RIGHTS.get(role.removeprefix(f"{org_id}:"), frozenset()) for role in self.roles if role.startswith(f"{org_id}:"))
        return org_id is not None and any(right in rights for rights in found)
