"""Notices to clients that a session is over, and each try to deliver them (LO-7, LO-8).

```
waiting ─▶ delivered | failed
```
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import Base
from shared.states import Table


class NoticeState(StrEnum):
    """What became of a notice."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


NOTICE_STATES = Table(
    "logout notice",
    initial=frozenset({NoticeState.WAITING}),
    moves={
        (NoticeState.WAITING, NoticeState.DELIVERED): Event.LOGOUT_NOTICE_DELIVERED,
        (NoticeState.WAITING, NoticeState.FAILED): Event.LOGOUT_NOTICE_FAILED,
    },
)


class LogoutNotice(Base):
    """One client is told that one session is over; `sub` and `sid` are those of its ID tokens."""

    __tablename__ = "logout_notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    sub: Mapped[str] = mapped_column(String(255))
    sid: Mapped[str] = mapped_column(String(43))
    state: Mapped[str] = mapped_column(String(10), default=NoticeState.WAITING)
    created_at: Mapped[datetime] = mapped_column(index=True)
    settled_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_logout_notices_client_id_created_at", "client_id", "created_at"),)


class LogoutAttempt(Base):
    """One try: `outcome` is the HTTP status, or a word for what kept it from coming."""

    __tablename__ = "logout_attempts"

    notice_id: Mapped[UUID] = mapped_column(ForeignKey("logout_notices.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40))
    tried_at: Mapped[datetime]
