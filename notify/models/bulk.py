"""A job of many messages from one template: its rows, sealed in chunks until they are messages, and what was wrong with some."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from notify.events import Event
from notify.models.base import Base
from shared.states import Table


class BulkState(StrEnum):
    """Where a job stands."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in progress"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    LIMITED = "sending limits exceeded"
    ERROR = "error"


BULK_STATES: Table[BulkState, Event] = Table(
    "bulk job",
    initial=frozenset({BulkState.SCHEDULED, BulkState.IN_PROGRESS}),
    moves={
        (BulkState.SCHEDULED, BulkState.IN_PROGRESS): Event.BULK_STARTED,
        (BulkState.SCHEDULED, BulkState.CANCELLED): Event.BULK_CANCELLED,
        (BulkState.IN_PROGRESS, BulkState.CANCELLED): Event.BULK_CANCELLED,
        (BulkState.IN_PROGRESS, BulkState.LIMITED): Event.BULK_LIMITED,
        (BulkState.IN_PROGRESS, BulkState.ERROR): Event.BULK_STOPPED,
        (BulkState.IN_PROGRESS, BulkState.FINISHED): Event.BULK_FINISHED,
        (BulkState.CANCELLED, BulkState.IN_PROGRESS): Event.BULK_STARTED,
        # One that was stopped before its moment waits for it again.
        (BulkState.CANCELLED, BulkState.SCHEDULED): Event.BULK_ACCEPTED,
        (BulkState.LIMITED, BulkState.IN_PROGRESS): Event.BULK_STARTED,
        (BulkState.LIMITED, BulkState.CANCELLED): Event.BULK_CANCELLED,
    },
)


class BulkJob(Base):
    """One job; `next_chunk` is where it goes on, `run` tells a stopped run that another has taken over."""

    __tablename__ = "bulk_jobs"
    __table_args__ = (
        CheckConstraint("messages + failed <= total", name="counts"),
        Index("ix_bulk_jobs_service_id_created_at", "service_id", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"))
    api_key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_keys.id"))
    name: Mapped[str] = mapped_column(String(255))
    channel: Mapped[str] = mapped_column(String(10))
    template_id: Mapped[uuid.UUID]
    template_version: Mapped[int]
    sender_id: Mapped[uuid.UUID | None]
    columns: Mapped[list[str]] = mapped_column(ARRAY(String(255)))
    state: Mapped[str] = mapped_column(String(30))
    total: Mapped[int]
    messages: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    # Rows that became reminders instead of messages.
    reminders: Mapped[int] = mapped_column(default=0, server_default="0")
    next_chunk: Mapped[int] = mapped_column(default=0)
    run: Mapped[int] = mapped_column(default=0)
    scheduled_for: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]


class BulkChunk(Base):
    """Rows as JSON lists, sealed under the service's data key; deleted once they are messages."""

    __tablename__ = "bulk_chunks"

    bulk_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bulk_jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class BulkError(Base):
    """Why one row made no message; the texts name columns, never values."""

    __tablename__ = "bulk_errors"

    bulk_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bulk_jobs.id", ondelete="CASCADE"), primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    messages: Mapped[list[str]] = mapped_column(ARRAY(String(1000)))
