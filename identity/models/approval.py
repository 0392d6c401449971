"""Sign-ins that a person confirms on another device, where they are signed in already (§3.4).

```
pending ─▶ approved ─▶ used
   └────────┴─▶ denied
```
One whose time is over counts as gone, whatever its state.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import HASH, Base
from shared.states import Table


class ApprovalState(StrEnum):
    """Where a confirmation is in its life."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


S = ApprovalState
APPROVAL_STATES = Table(
    "approval",
    initial=frozenset({S.PENDING}),
    moves={
        (S.PENDING, S.APPROVED): Event.APPROVAL_GIVEN,
        (S.PENDING, S.DENIED): Event.APPROVAL_DENIED,
        (S.APPROVED, S.USED): Event.APPROVAL_USED,
        (S.APPROVED, S.DENIED): Event.APPROVAL_DENIED,
    },
)
LIVE = (S.PENDING, S.APPROVED)
"""A sign-in has one of these at most."""


class Approval(Base):
    """One question; `match_code` is shown where the person signs in, and typed where they are signed in.

    `browser_hash` is the browser that asks: it cannot answer itself.  `device` and `place` are words for the person.
    """

    __tablename__ = "approvals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    interaction_hash: Mapped[str] = mapped_column(HASH, index=True)
    browser_hash: Mapped[str] = mapped_column(HASH)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    match_code: Mapped[str] = mapped_column(String(2))
    device: Mapped[str] = mapped_column(String(80))
    place: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    decided_at: Mapped[datetime | None]
