"""Erasure tasks: what a recipient still has to erase after a consent ended.  Spec: wallet contract §8.3 X6."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base


class ErasureState(StrEnum):
    """Where a task stands; a recipient that kept the data has told by which law."""

    OPEN = "open"
    ERASED = "erased"
    KEPT = "kept"


class Erasure(Base):
    """One task: one consent that ended, at one recipient."""

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint("state in ('open', 'erased', 'kept')", name="state"),
        CheckConstraint("(state = 'kept') = (ground is not null)", name="ground"),
        Index("ix_erasures_org_id", "org_id", "state", "due_at"),
    )

    consent_id: Mapped[UUID] = mapped_column(ForeignKey("consents.consent_id"), primary_key=True)
    client_id: Mapped[str]
    org_id: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    state: Mapped[str]
    ground: Mapped[str | None]
    closed_at: Mapped[datetime | None]

    def is_overdue(self, now: datetime) -> bool:
        """True when the recipient has not answered in time."""
        return self.state == ErasureState.OPEN and now >= self.due_at


def find_erasure(session: Session, consent_id: UUID) -> Erasure | None:
    """Return the task of a consent."""
    return session.get(Erasure, consent_id)


def overdue_erasures(session: Session, now: datetime) -> list[Erasure]:
    """Return what recipients owe, longest overdue first."""
    statement = select(Erasure).where(Erasure.state == ErasureState.OPEN, Erasure.due_at <= now).order_by(Erasure.due_at)
    return list(session.scalars(statement))
