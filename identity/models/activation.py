"""Activation at a counter: codes (§3.6).  How a person was checked is sealed in them until they are used.

```
waiting ─approved─▶ valid ─▶ used
    └──▶ cancelled ◀──┴──▶ blocked
```
`waiting` needs a second officer: remote enrolment, and the officer's own relatives.  Expiry is by time, not by a move.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import Base
from shared.states import Table


class CodeState(StrEnum):
    """Where an activation code is in its life."""

    WAITING = "waiting"
    VALID = "valid"
    USED = "used"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


S = CodeState
ACTIVATION_STATES = Table(
    "activation code",
    initial=frozenset({S.WAITING, S.VALID}),
    moves={
        (S.WAITING, S.VALID): Event.ACTIVATION_APPROVED,
        (S.WAITING, S.CANCELLED): Event.ACTIVATION_CANCELLED,
        (S.VALID, S.USED): Event.ACTIVATION_USED,
        (S.VALID, S.BLOCKED): Event.ACTIVATION_BLOCKED,
        (S.VALID, S.CANCELLED): Event.ACTIVATION_CANCELLED,
    },
)


class ActivationCode(Base):
    """One code, kept as a keyed hash, with who gave it out, where, and how the person was checked.

    `contact_sealed` is JSON under the person's data key: the contact, the document that was shown, and the code while it waits.
    """

    __tablename__ = "activation_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    code_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10))
    tries_left: Mapped[int] = mapped_column(SmallInteger)
    delivery: Mapped[str] = mapped_column(String(10))
    contact_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    check_method: Mapped[str] = mapped_column(String(20))
    org_id: Mapped[str] = mapped_column(String(80))
    place: Mapped[str] = mapped_column(String(80))
    issued_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("delivery IN ('printed', 'email', 'sms')", name="delivery"),
        CheckConstraint("check_method IN ('card-and-face', 'video')", name="check_method"),
        Index("uq_activation_codes_live", "person_id", unique=True, postgresql_where=text("state IN ('waiting', 'valid')")),
    )
