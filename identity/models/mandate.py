"""Mandates: one person may act for a company or for another person (§4.1).

```
offered ─▶ active ◀─▶ suspended
   ├─▶ revoked ◀─┴───────┤
   └─▶ expired ◀─────────┘
```
`offered` waits for the grantee's yes; what a register or a court says is `active` at once.  `suspended` can come back.
`revoked` is ended by a person, by the register, or by a death or an erasure; `expired` by its day.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import TEXTS, Base
from shared.states import Table


class MandateState(StrEnum):
    """Where a mandate is in its life."""

    OFFERED = "offered"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Source(StrEnum):
    """Where a mandate comes from."""

    REGISTRY = "registry"
    GRANTED = "granted"
    COURT = "court"


class EndReason(StrEnum):
    """Why a mandate ended."""

    REFUSED = "refused"
    GRANTOR = "grantor"
    GRANTEE = "grantee"
    REGISTRY = "registry"
    DEATH = "death"
    PARENT = "parent"
    TIME = "time"
    ERASED = "erased"


S = MandateState
MANDATE_STATES = Table(
    "mandate",
    initial=frozenset({S.OFFERED, S.ACTIVE}),
    moves={
        (S.OFFERED, S.ACTIVE): Event.MANDATE_ACCEPTED,
        (S.ACTIVE, S.SUSPENDED): Event.MANDATE_SUSPENDED,
        (S.SUSPENDED, S.ACTIVE): Event.MANDATE_RESUMED,
        **{(state, S.REVOKED): Event.MANDATE_REVOKED for state in (S.OFFERED, S.ACTIVE, S.SUSPENDED)},
        **{(state, S.EXPIRED): Event.MANDATE_EXPIRED for state in (S.OFFERED, S.ACTIVE, S.SUSPENDED)},
    },
)
LIVE = (S.OFFERED, S.ACTIVE, S.SUSPENDED)


class Mandate(Base):
    """One mandate: exactly one of `company_id` and `principal_id` says for whom the person `grantee_id` acts.

    An offer is made to a RUN, which may have no account: `grantee_index` finds it, `grantee_sealed` is the RUN under the giver's key;
    `grantee_id` comes with the yes.

    `services` are ids of the service register, empty for all; `joint` is how many must act together, 1 alone.
    `parent_id` is the mandate that was passed on; `given_by` the person who gave it.  `evidence` is the register's entry.
    """

    __tablename__ = "mandates"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    mandate_id: Mapped[str] = mapped_column(String(40), unique=True)
    company_id: Mapped[UUID | None] = mapped_column(ForeignKey("companies.id"), index=True)
    principal_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    grantee_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    grantee_index: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    grantee_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    powers: Mapped[list[str]] = mapped_column(TEXTS)
    services: Mapped[list[str]] = mapped_column(TEXTS, server_default=text("'{}'"))
    joint: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    may_pass_on: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("mandates.id"), index=True)
    source: Mapped[str] = mapped_column(String(10))
    evidence: Mapped[str | None] = mapped_column(String(80))
    given_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    state: Mapped[str] = mapped_column(String(10))
    end_reason: Mapped[str | None] = mapped_column(String(10))
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("num_nonnulls(company_id, principal_id) = 1", name="one_principal"),
        CheckConstraint("principal_id <> grantee_id", name="not_oneself"),
        CheckConstraint("grantee_id IS NOT NULL OR state IN ('offered', 'revoked', 'expired')", name="has_grantee"),
        CheckConstraint("joint >= 1", name="joint"),
        CheckConstraint("source IN ('registry', 'granted', 'court')", name="source"),
        CheckConstraint("parent_id IS NULL OR NOT may_pass_on", name="one_step"),
        Index(
            "uq_mandates_entry",
            "source",
            "evidence",
            unique=True,
            postgresql_where=text("evidence IS NOT NULL AND state IN ('offered', 'active', 'suspended')"),
        ),
        Index("ix_mandates_ending", "valid_until", postgresql_where=text("state IN ('offered', 'active', 'suspended')")),
    )


class RepresentationChoice(Base):
    """For whom a person acts at one client in one sign-on session; without mandate and assisted session for themselves (RP-3)."""

    __tablename__ = "representation_choices"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sso_sessions.id"), primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), primary_key=True)
    mandate_id: Mapped[UUID | None] = mapped_column(ForeignKey("mandates.id"))
    assisted_id: Mapped[UUID | None] = mapped_column(ForeignKey("assisted_sessions.id"))
    chosen_at: Mapped[datetime]
