"""Enquiries: a person asks a body about one access, and the body must answer.  Spec: wallet contract §10.3, §8.3 X4."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.states import Table
from wallet.events import Event
from wallet.models.base import Base


class EnquiryState(StrEnum):
    """Where an enquiry stands."""

    OPEN = "open"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    ESCALATED = "escalated"
    CLOSED = "closed"


class EnquiryKind(StrEnum):
    """What is asked: why it was, that it was not right, or that the data are wrong (to the source)."""

    WHY = "why"
    NOT_RIGHT = "not_right"
    CORRECT = "correct"


class AnswerKind(StrEnum):
    """What a body can answer; `corrected` and `not_corrected` to a correction alone."""

    LAWFUL = "lawful"
    MISTAKE = "mistake"
    DISCIPLINARY = "disciplinary"
    CANNOT_TELL = "cannot_tell"
    CORRECTED = "corrected"
    NOT_CORRECTED = "not_corrected"


S = EnquiryState
ENQUIRY_STATES: Table[EnquiryState, Event] = Table(
    "enquiry",
    initial=frozenset({S.OPEN}),
    moves={
        (S.OPEN, S.ANSWERED): Event.ENQUIRY_ANSWERED,
        (S.ANSWERED, S.ACCEPTED): Event.ENQUIRY_ACCEPTED,
        (S.ANSWERED, S.ESCALATED): Event.ENQUIRY_ESCALATED,
        (S.OPEN, S.ESCALATED): Event.ENQUIRY_ESCALATED,
        (S.ACCEPTED, S.CLOSED): Event.ENQUIRY_CLOSED,
        (S.ESCALATED, S.CLOSED): Event.ENQUIRY_CLOSED,
    },
)
"""From open to escalated only when it is overdue: the operation sees to it."""


class Enquiry(Base):
    """One question about one exchange, with its answer; the texts are encrypted."""

    __tablename__ = "enquiries"
    __table_args__ = (
        CheckConstraint("state in ('open', 'answered', 'accepted', 'escalated', 'closed')", name="state"),
        CheckConstraint("kind in ('why', 'not_right', 'correct')", name="kind"),
        CheckConstraint("(answer_kind is null) = (answered_at is null)", name="answer"),
        Index("ix_enquiries_subject_index", "subject_index", "opened_at"),
        Index("ix_enquiries_org_id", "org_id", "state", "due_at"),
    )

    enquiry_id: Mapped[UUID] = mapped_column(primary_key=True)
    txn: Mapped[UUID]
    subject: Mapped[bytes]
    subject_index: Mapped[bytes]
    org_id: Mapped[str]
    kind: Mapped[str]
    question: Mapped[bytes]
    state: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    answer_kind: Mapped[str | None]
    answer_law: Mapped[str | None]
    answer: Mapped[bytes | None]
    answered_at: Mapped[datetime | None]

    def is_overdue(self, now: datetime) -> bool:
        """True when the body let the time pass."""
        return self.state == EnquiryState.OPEN and now >= self.due_at


def enquiries_of(session: Session, subject_index: bytes) -> list[Enquiry]:
    """Return a person's enquiries, newest first."""
    return list(session.scalars(select(Enquiry).where(Enquiry.subject_index == subject_index).order_by(Enquiry.opened_at.desc())))


def enquiries_to(session: Session, org_ids: list[str]) -> list[Enquiry]:
    """Return what is asked of bodies and not closed, the most pressing first."""
    statement = select(Enquiry).where(Enquiry.org_id.in_(org_ids), Enquiry.state != EnquiryState.CLOSED)
    return list(session.scalars(statement.order_by(Enquiry.due_at)))


def overdue_by_body(session: Session, now: datetime) -> dict[str, int]:
    """Return how many enquiries each body let pass its time."""
    statement = select(Enquiry.org_id, func.count()).where(Enquiry.state == EnquiryState.OPEN, Enquiry.due_at <= now)
    return {org_id: count for org_id, count in session.execute(statement.group_by(Enquiry.org_id))}  # noqa: C416 - a row is not a pair to mypy
