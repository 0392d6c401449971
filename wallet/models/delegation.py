"""Delegations: who may act for whom, by which evidence, until when.  Spec: wallet contract §6."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.states import Table
from wallet.events import Event
from wallet.models.base import Base
from wallet.standards.acting import Kind, Power, shared_out

OWN = "wallet"
"""The register of a proxy that its principal appointed here."""
SIGN_IN = "identity"
"""The register of a mandate that identity names when its holder signs in; `reference` is the mandate's id."""


class DelegationState(StrEnum):
    """Where a delegation stands."""

    ACTIVE = "active"
    ENDED = "ended"


S = DelegationState
DELEGATION_STATES: Table[DelegationState, Event] = Table(
    "delegation", initial=frozenset({S.ACTIVE}), moves={(S.ACTIVE, S.ENDED): Event.DELEGATION_ENDED}
)


ONE = ("principal_index", "delegate_index", "kind", "register")
"""What there is at most one delegation in force of."""


class Delegation(Base):
    """One person's power to act for another person or a company.

    `principal`, her name, `reference` and `born_on` are sealed under the principal's key, `delegate` and his name under the delegate's.
    `scope` holds lists `datasets`, `purposes`, `procedures`; an empty one means all.  `register` is where the power stands.
    `powers` are what the delegate may do alone, `together` what only with `joint - 1` others.
    """

    __tablename__ = "delegations"
    __table_args__ = (
        CheckConstraint("state in ('active', 'ended')", name="state"),
        CheckConstraint("kind in (" + ", ".join(f"'{kind}'" for kind in Kind) + ")", name="kind"),
        CheckConstraint("(state = 'ended') = (end_reason is not null)", name="end_reason"),
        CheckConstraint("principal_index <> delegate_index", name="two_persons"),
        CheckConstraint("joint >= 1", name="joint"),
        Index("uq_delegations_one", *ONE, unique=True, postgresql_where=text("state = 'active'")),
        Index("ix_delegations_delegate_index", "delegate_index", "state"),
        Index("ix_delegations_valid_until", "valid_until", postgresql_where=text("state = 'active'")),
        Index("ix_delegations_checked_at", "checked_at", postgresql_where=text("state = 'active'")),
    )

    delegation_id: Mapped[UUID] = mapped_column(primary_key=True)
    principal: Mapped[bytes]
    principal_index: Mapped[bytes]
    principal_name: Mapped[bytes]
    delegate: Mapped[bytes]
    delegate_index: Mapped[bytes]
    delegate_name: Mapped[bytes | None]
    kind: Mapped[str]
    powers: Mapped[list[str]]
    joint: Mapped[int] = mapped_column(SmallInteger, default=1, server_default=text("1"))
    together: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    scope: Mapped[dict[str, list[str]]] = mapped_column(JSONB)
    register: Mapped[str]
    reference: Mapped[bytes]
    born_on: Mapped[bytes | None]
    checked_at: Mapped[datetime]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    state: Mapped[str]
    state_since: Mapped[datetime]
    end_reason: Mapped[str | None]
    created_at: Mapped[datetime]

    def give(self, powers: Collection[Power], *, joint: int) -> None:
        """Set what the delegate may do, alone or together with others."""
        alone, together = shared_out(powers, joint=joint)
        self.powers, self.together, self.joint = sorted(alone), sorted(together), joint

    def is_active(self, now: datetime) -> bool:
        """True while the delegate may act, judged against the clock."""
        return self.state == DelegationState.ACTIVE and self.valid_from <= now and (self.valid_until is None or now < self.valid_until)

    def is_fresh(self, now: datetime, *, hours: int) -> bool:
        """True while its evidence need not be looked up again; a proxy appointed here stands here alone (D1)."""
        return self.register == OWN or now < self.checked_at + timedelta(hours=hours)


def find_delegation(session: Session, delegation_id: UUID, *, lock: bool = False) -> Delegation | None:
    """Return a delegation."""
    statement = select(Delegation).where(Delegation.delegation_id == delegation_id)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def active_delegations(
    session: Session, *, delegate: bytes | None = None, principal: bytes | None = None, lock: bool = False
) -> list[Delegation]:
    """Return the delegations in force to one delegate, or for one principal, oldest first; `lock` holds their rows."""
    statement = (
        select(Delegation).where(Delegation.state == DelegationState.ACTIVE).order_by(Delegation.created_at, Delegation.delegation_id)
    )
    if delegate is not None:
        statement = statement.where(Delegation.delegate_index == delegate)
    if principal is not None:
        statement = statement.where(Delegation.principal_index == principal)
    return list(session.scalars(statement.with_for_update() if lock else statement))


def delegations_of(session: Session, *, delegate: bytes | None = None, principal: bytes | None = None) -> list[Delegation]:
    """Return every delegation of a delegate or a principal, newest first, also those that ended."""
    column, value = (Delegation.delegate_index, delegate) if delegate is not None else (Delegation.principal_index, principal)
    return list(session.scalars(select(Delegation).where(column == value).order_by(Delegation.created_at.desc())))
