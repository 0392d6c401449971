"""Assisted sessions: an agent helps one person with one service, for half an hour at most (§4.2).

```
waiting ─▶ asked ─▶ open ─▶ closed ─┐
   └────────────────▲ │      │      ├─▶ objected
any of the first ─▶ refused ├─▶ expired ┘
```
`waiting` needs a colleague (AS-8); `asked` needs the person's yes on their own device; `objected` is what the person says afterwards.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import TEXTS, Base
from shared.states import Table


class AssistedState(StrEnum):
    """Where an assisted session is in its life."""

    WAITING = "waiting"
    ASKED = "asked"
    OPEN = "open"
    CLOSED = "closed"
    REFUSED = "refused"
    EXPIRED = "expired"
    OBJECTED = "objected"


class Proof(StrEnum):
    """By what the person let the agent help (AS-2)."""

    DEVICE = "device"
    CODE = "code"
    PHONE_CODE = "phone-code"
    CARD = "card"


S = AssistedState
ASSISTED_STATES = Table(
    "assisted session",
    initial=frozenset({S.WAITING, S.ASKED, S.OPEN}),
    moves={
        (S.WAITING, S.ASKED): Event.ASSISTED_APPROVED,
        (S.WAITING, S.OPEN): Event.ASSISTED_OPENED,
        (S.ASKED, S.OPEN): Event.ASSISTED_OPENED,
        (S.OPEN, S.CLOSED): Event.ASSISTED_CLOSED,
        **{(state, S.REFUSED): Event.ASSISTED_REFUSED for state in (S.WAITING, S.ASKED)},
        **{(state, S.EXPIRED): Event.ASSISTED_EXPIRED for state in (S.WAITING, S.ASKED, S.OPEN)},
        **{(state, S.OBJECTED): Event.ASSISTED_OBJECTED for state in (S.OPEN, S.CLOSED, S.EXPIRED)},
    },
)
UNDER_WAY = (S.WAITING, S.ASKED, S.OPEN)


class AssistedSession(Base):
    """One session: who helps whom with which service's client, why, and what they may do.

    `reason_sealed` is under the person's data key, the agent's where nobody has the RUN; `person_id` is empty then.  `acr`, `amr` and
    `auth_time` say how the person proved themselves on their own device.  `join_index` and `receipt_index` are keyed hashes of codes.
    """

    __tablename__ = "assisted_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assisted_id: Mapped[str] = mapped_column(String(40), unique=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    org_id: Mapped[str] = mapped_column(String(80))
    office: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(20))
    second_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    second_org_id: Mapped[str | None] = mapped_column(String(80))
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    channel: Mapped[str] = mapped_column(String(10))
    reason_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    actions: Mapped[list[str]] = mapped_column(TEXTS)
    proof: Mapped[str] = mapped_column(String(10))
    acr: Mapped[str | None] = mapped_column(String(80))
    amr: Mapped[list[str]] = mapped_column(TEXTS, server_default=text("'{}'"))
    auth_time: Mapped[datetime | None]
    join_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    receipt_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    state: Mapped[str] = mapped_column(String(10))
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    to_review: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(index=True)
    opened_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("channel IN ('counter', 'telephone', 'helper')", name="channel"),
        CheckConstraint("agent_id <> person_id", name="not_oneself"),
        CheckConstraint("state <> 'open' OR (person_id IS NOT NULL AND opened_at IS NOT NULL)", name="open_has_person"),
    )
