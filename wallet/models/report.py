"""What providers reported that they answered, to be held against what the gate and the token endpoint let.  Spec: wallet contract §10.5."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from wallet.models.base import Base


class ReportedAccess(Base):
    """One answer that one provider reported; `match` says what the wallet knows of its `txn`."""

    __tablename__ = "reported_accesses"
    __table_args__ = (
        CheckConstraint("match in ('known', 'unknown', 'other')", name="match"),
        Index("ix_reported_accesses_org_id", "org_id", "received_at"),
    )

    txn: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    dataset_id: Mapped[str]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    is_late: Mapped[bool]
    match: Mapped[str]


class HiddenEntry(Base):
    """An entry that its person sees later, because a law says so; the core is in the log all the same.  Spec: wallet contract §10.4."""

    __tablename__ = "hidden_entries"
    __table_args__ = (Index("ix_hidden_entries_release_at", "release_at"), Index("ix_hidden_entries_org_id", "org_id", "hidden_at"))

    txn: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    ground: Mapped[str]
    hidden_at: Mapped[datetime]
    release_at: Mapped[datetime]
    order_number: Mapped[str | None]
    released_at: Mapped[datetime | None]


class DelayedBody(Base):
    """A body that a law lets hide its accesses for a time; nobody else may."""

    __tablename__ = "delayed_bodies"

    org_id: Mapped[str] = mapped_column(primary_key=True)
    law_reference: Mapped[str]
    since: Mapped[datetime]
