"""Letters on their way to the print supplier: each waits for a batch, each batch for its upload and its receipts."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Connection, Index, String, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from notify.events import Event
from notify.models.base import Base
from shared.states import Table

SOLE_PRINTER = "print-sftp"
"""The printer by SFTP that is set up without a list."""


class BatchState(StrEnum):
    """Where a batch stands."""

    MADE = "made"
    UPLOADED = "uploaded"
    RECEIPTED = "receipted"


BATCHES: Table[BatchState, Event] = Table(
    "print batch",
    initial=frozenset({BatchState.MADE}),
    moves={
        (BatchState.MADE, BatchState.UPLOADED): Event.BATCH_UPLOADED,
        (BatchState.UPLOADED, BatchState.RECEIPTED): Event.BATCH_RECEIPTED,
    },
)


class PrintBatch(Base):
    """What goes to the supplier at once; a batch that is made and not uploaded is uploaded again under the same name."""

    __tablename__ = "print_batches"
    __table_args__ = (
        CheckConstraint("state IN ('made', 'uploaded', 'receipted')", name="state"),
        Index("ix_print_batches_made", "created_at", postgresql_where=text("state = 'made'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    printer: Mapped[str] = mapped_column(String(40), server_default=SOLE_PRINTER)
    state: Mapped[str] = mapped_column(String(20))
    letters: Mapped[int]
    created_at: Mapped[datetime]
    uploaded_at: Mapped[datetime | None]


class PrintItem(Base):
    """One letter that waits to be printed; `outcome` is the supplier's word, empty until it came."""

    __tablename__ = "print_items"
    __table_args__ = (
        Index("ix_print_items_waiting", "queued_at", postgresql_where=text("batch_id IS NULL")),
        Index("ix_print_items_batch_id", "batch_id"),
    )

    notification_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID]
    printer: Mapped[str] = mapped_column(String(40), server_default=SOLE_PRINTER)
    batch_id: Mapped[uuid.UUID | None]
    postage: Mapped[str] = mapped_column(String(20))
    outcome: Mapped[str] = mapped_column(String(20), default="")
    queued_at: Mapped[datetime]


def queue_letter(connection: Connection, item: Mapping[str, object]) -> None:
    """Leave a letter for its printer's next batch; one that is there already stays as it is."""
    connection.execute(insert(PrintItem).values(outcome="", **item).on_conflict_do_nothing())


def printers_behind(connection: Connection, since: datetime) -> frozenset[str]:
    """Give the printers that have not taken a batch that was made before a moment."""
    wanted = select(PrintBatch.printer).where(PrintBatch.state == BatchState.MADE.value, PrintBatch.created_at < since)
    return frozenset(connection.execute(wanted.distinct()).scalars())
