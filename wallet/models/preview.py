"""Previews: data that a person sees before they go on; held encrypted for minutes, then gone.  Spec: wallet contract §8.3 X3."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.states import Table
from wallet.events import Outcome
from wallet.models.base import Base


class PreviewState(StrEnum):
    """Where a preview stands; the data are there only while it is open or approved."""

    OPEN = "open"
    APPROVED = "approved"
    TAKEN = "taken"
    DECLINED = "declined"
    GONE = "gone"


S = PreviewState
PREVIEW_STATES: Table[PreviewState, Outcome] = Table(
    "preview",
    initial=frozenset({S.OPEN}),
    moves={
        (S.OPEN, S.APPROVED): Outcome.PREVIEWED,
        (S.OPEN, S.DECLINED): Outcome.PREVIEW_DECLINED,
        (S.APPROVED, S.TAKEN): Outcome.RELEASED,
        (S.OPEN, S.GONE): Outcome.FAILED,
        (S.APPROVED, S.GONE): Outcome.FAILED,
    },
)


class Preview(Base):
    """One answer that waits for its person; `held` is encrypted and destroyed with the last move."""

    __tablename__ = "previews"
    __table_args__ = (
        CheckConstraint("state in ('open', 'approved', 'taken', 'declined', 'gone')", name="state"),
        CheckConstraint("(state in ('open', 'approved')) = (held is not null)", name="held"),
        UniqueConstraint("client_id", "request_id"),
        Index("ix_previews_subject_index", "subject_index", "state"),
        Index("ix_previews_expires_at", "expires_at"),
    )

    txn: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    request_id: Mapped[str]
    subject_index: Mapped[bytes]
    dataset_id: Mapped[str]
    dataset_version: Mapped[int]
    org_id: Mapped[str]
    consent_id: Mapped[UUID | None]
    agreement_id: Mapped[str]
    state: Mapped[str]
    held: Mapped[bytes | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


def find_preview(session: Session, client_id: str, request_id: str) -> Preview | None:
    """Return a client's own preview."""
    statement = select(Preview).where(Preview.client_id == client_id, Preview.request_id == request_id)
    return session.scalars(statement).one_or_none()


def open_previews(session: Session, subject_index: bytes, now: datetime) -> list[Preview]:
    """Return what waits for a person now."""
    statement = select(Preview).where(Preview.subject_index == subject_index, Preview.state == S.OPEN, Preview.expires_at > now)
    return list(session.scalars(statement.order_by(Preview.created_at)))
