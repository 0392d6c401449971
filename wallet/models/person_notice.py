"""What a person was told once, what she does not want to be told, and how far the log was read for it.  Spec: §10.3, U12."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base


class NoticeKind(StrEnum):
    """What a message is about."""

    REQUEST = "request"
    RECEIPT = "receipt"
    EXPIRING = "expiring"
    SUMMARY = "summary"
    FIRST_ACCESS = "first_access"
    SENSITIVE_ACCESS = "sensitive_access"
    NIGHT_ACCESS = "night_access"
    REFUSED_ACCESS = "refused_access"
    DELEGATE_ACTED = "delegate_acted"
    DELEGATION_ENDED = "delegation_ended"
    OTHERS_NEEDED = "others_needed"


ALWAYS = frozenset({NoticeKind.DELEGATE_ACTED, NoticeKind.DELEGATION_ENDED, NoticeKind.OTHERS_NEEDED})
"""What nobody can turn off: who acts in one's name, and what waits for one's own word."""


class PersonNotice(Base):
    """One thing a person was told: the pair of kind and object is told once; a summary again after its time."""

    __tablename__ = "person_notices"
    __table_args__ = (Index("ix_person_notices_told_at", "told_at"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[str] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]


class NoticeWish(Base):
    """The kinds of message that a person turned off."""

    __tablename__ = "notice_wishes"

    subject_index: Mapped[bytes] = mapped_column(primary_key=True)
    turned_off: Mapped[list[str]]


class LogMark(Base):
    """How far the access log was read for one purpose: the last sequence number."""

    __tablename__ = "log_marks"

    name: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)


def is_first(session: Session, kind: NoticeKind, object_id: str, now: datetime) -> bool:
    """Note that a person is told of something, and answer whether it is the first time."""
    row = {"kind": kind, "object_id": object_id, "told_at": now}
    return bool(session.connection().execute(insert(PersonNotice).values(row).on_conflict_do_nothing()).rowcount)


def turned_off_by(session: Session, subject_index: bytes) -> frozenset[str]:
    """Return the kinds that a person turned off."""
    row = session.scalars(select(NoticeWish).where(NoticeWish.subject_index == subject_index)).one_or_none()
    return frozenset(row.turned_off) if row else frozenset()
