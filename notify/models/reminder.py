"""Reminders that a service sets ahead of a date, or for as long as a mailbox message stays unread."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.events import Event
from notify.models.base import Base
from shared.states import Table


class ReminderState(StrEnum):
    """Where one reminder stands."""

    WAITING = "waiting"
    SENT = "sent"
    CANCELLED = "cancelled"
    NOT_NEEDED = "not-needed"
    REFUSED = "refused"


REMINDERS: Table[ReminderState, Event] = Table(
    "reminder",
    initial=frozenset({ReminderState.WAITING}),
    moves={
        (ReminderState.WAITING, ReminderState.SENT): Event.REMINDER_SENT,
        (ReminderState.WAITING, ReminderState.CANCELLED): Event.REMINDER_CANCELLED,
        (ReminderState.WAITING, ReminderState.NOT_NEEDED): Event.REMINDER_NOT_NEEDED,
        (ReminderState.WAITING, ReminderState.REFUSED): Event.REMINDER_REFUSED,
    },
)


class Reminder(Base):
    """One moment at which somebody is reminded; those of one request share `set_id`.  `sealed` holds the message as it was asked for."""

    __tablename__ = "reminders"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sent', 'cancelled', 'not-needed', 'refused')", name="state"),
        Index("ix_reminders_due", "due_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_reminders_waiting", "service_id", "due_at", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_reminders_service_id_set_id", "service_id", "set_id"),
        Index("ix_reminders_bulk_id", "bulk_id", postgresql_where=text("bulk_id IS NOT NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    set_id: Mapped[uuid.UUID]
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"))
    api_key_id: Mapped[uuid.UUID]
    # The bulk job whose row it was.
    bulk_id: Mapped[uuid.UUID | None]
    template_id: Mapped[uuid.UUID]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    due_at: Mapped[datetime]
    # The mailbox message that must still be unread.
    unread_id: Mapped[uuid.UUID | None]
    state: Mapped[str] = mapped_column(String(20))
    notification_id: Mapped[uuid.UUID | None]
    fault: Mapped[str] = mapped_column(String(200), default="")
    # What it was set with: the message that it becomes belongs to the same journey.
    request_id: Mapped[str] = mapped_column(String(64), server_default="")
    journey_id: Mapped[str] = mapped_column(String(64), server_default="")
    created_at: Mapped[datetime]
