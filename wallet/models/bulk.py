"""Bulk transfers: the data of more than a hundred people in one call, logged as one row that names all of them.  Spec: §8.3 X5."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.states import Table
from wallet.events import Outcome
from wallet.models.base import Base


class BulkState(StrEnum):
    """Where a bulk transfer stands."""

    ATTEMPT = "attempt"
    DONE = "done"
    FAILED = "failed"


S = BulkState
BULK_STATES: Table[BulkState, Outcome] = Table(
    "bulk",
    initial=frozenset({S.ATTEMPT}),
    moves={
        (S.ATTEMPT, S.DONE): Outcome.BULK,
        (S.ATTEMPT, S.FAILED): Outcome.FAILED,
        # The same request again within a day runs the release again under the same txn (X7).
        (S.DONE, S.ATTEMPT): Outcome.ATTEMPT,
        (S.FAILED, S.ATTEMPT): Outcome.ATTEMPT,
    },
)


class Bulk(Base):
    """One bulk transfer of one client; each of its people has a row among the exchanges besides, by which uses are counted.

    `sealed` holds, encrypted and only while the attempt is open, what the outcome row of an interrupted attempt needs.
    """

    __tablename__ = "bulks"
    __table_args__ = (
        CheckConstraint("state in ('attempt', 'done', 'failed')", name="state"),
        Index("ix_bulks_open", "attempted_at", postgresql_where=text("state = 'attempt'")),
    )

    client_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    txn: Mapped[UUID] = mapped_column(unique=True)
    body_sha256: Mapped[str]
    state: Mapped[str]
    attempted_at: Mapped[datetime]
    created_at: Mapped[datetime]
    sealed: Mapped[bytes | None]


class BulkPerson(Base):
    """One person of an entry about many: her leaf, which stays, and what links it to her, which is erased in time."""

    __tablename__ = "bulk_people"
    __table_args__ = (
        Index("ix_bulk_people_subject_index", "subject_index", "entry_id"),
        Index("ix_bulk_people_received_at", "received_at", postgresql_where=text("salt is not null")),
        Index("ix_bulk_people_first", "entry_id", postgresql_where=text("place = 0")),
    )

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    leaf_hash: Mapped[bytes]
    salt: Mapped[bytes | None]
    subject: Mapped[bytes | None]
    subject_index: Mapped[bytes | None]
    received_at: Mapped[datetime]
