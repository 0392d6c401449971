"""Requests that a person answers elsewhere: a screen without keyboard (device flow), or an agent on the telephone (CIBA).

```
pending ─▶ approved ─▶ redeemed
   ├─▶ denied
   └─▶ expired ◀── approved
```
The client polls by the code of the request; the person decides on their own device, signed in.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import HASH, TEXTS, Base
from shared.states import Table


class RemoteKind(StrEnum):
    """Which flow a request belongs to."""

    DEVICE = "device"
    CIBA = "ciba"


class RemoteState(StrEnum):
    """Where a request is in its life."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    REDEEMED = "redeemed"


S = RemoteState
REMOTE_STATES = Table(
    "remote request",
    initial=frozenset({S.PENDING}),
    moves={
        (S.PENDING, S.APPROVED): Event.REMOTE_APPROVED,
        (S.PENDING, S.DENIED): Event.REMOTE_DENIED,
        (S.PENDING, S.EXPIRED): Event.REMOTE_EXPIRED,
        (S.APPROVED, S.EXPIRED): Event.REMOTE_EXPIRED,
        (S.APPROVED, S.REDEEMED): Event.REMOTE_REDEEMED,
    },
)


class RemoteRequest(Base):
    """One request; codes are kept as hashes.

    `user_code_index` and `network_index` (where the screen is) belong to devices.  `whom_index` stands for the RUN that an agent named,
    also where nobody has it; `person_id` only where somebody does.  `callback_sealed` is what a ping needs: code and bearer, as JSON.
    With an `assisted_id` the yes opens that session, and there is nothing to redeem (AS-2).
    """

    __tablename__ = "remote_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    code_hash: Mapped[str] = mapped_column(HASH, unique=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(TEXTS)
    resources: Mapped[list[str]] = mapped_column(TEXTS)
    acr_values: Mapped[list[str]] = mapped_column(TEXTS)
    vectors: Mapped[list[str]] = mapped_column(TEXTS, server_default="{}")
    user_code_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    network_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    whom_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    binding_message: Mapped[str | None] = mapped_column(String(60))
    match_code: Mapped[str | None] = mapped_column(String(2))
    callback_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10))
    interval_seconds: Mapped[int] = mapped_column(Integer)
    polled_at: Mapped[datetime | None]
    grant_id: Mapped[UUID | None] = mapped_column(ForeignKey("grants.id"))
    assisted_id: Mapped[UUID | None] = mapped_column(ForeignKey("assisted_sessions.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("kind IN ('device', 'ciba')", name="kind"),
        CheckConstraint("state <> 'approved' OR num_nonnulls(grant_id, assisted_id) > 0", name="approved_has_grant"),
        Index("ix_remote_requests_grant_id", "grant_id", postgresql_where=text("grant_id IS NOT NULL")),
    )
