"""Streams of security events to bodies, and the events on them.  Spec: wallet contract §11; Shared Signals Framework 1.0."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"


class StreamStatus(StrEnum):
    """Whether events are delivered: a paused stream keeps them, a disabled one does not get any."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


class Stream(Base):
    """Where one client gets its events: `endpoint` for push; `left_out` are consents it does not want to hear of."""

    __tablename__ = "streams"
    __table_args__ = (
        CheckConstraint("status in ('enabled', 'paused', 'disabled')", name="status"),
        CheckConstraint("method in ('urn:ietf:rfc:8935', 'urn:ietf:rfc:8936')", name="method"),
        CheckConstraint("(method = 'urn:ietf:rfc:8935') = (endpoint is not null)", name="endpoint"),
        Index("ix_streams_org_id", "org_id"),
    )

    stream_id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    org_id: Mapped[str]
    method: Mapped[str]
    endpoint: Mapped[str | None]
    authorization: Mapped[bytes | None]
    events_requested: Mapped[list[str]]
    left_out: Mapped[list[str]]
    description: Mapped[str | None]
    status: Mapped[str]
    status_reason: Mapped[str | None]
    created_at: Mapped[datetime]


class SecurityEvent(Base):
    """One event on one stream, until its receiver has taken it; `claims` without personal data."""

    __tablename__ = "security_events"
    __table_args__ = (
        CheckConstraint("state in ('pending', 'delivered', 'dead')", name="state"),
        Index("ix_security_events_stream_id", "stream_id", "jti", postgresql_where=text("state = 'pending'")),
    )

    jti: Mapped[UUID] = mapped_column(primary_key=True)
    stream_id: Mapped[str] = mapped_column(ForeignKey("streams.stream_id", ondelete="CASCADE"))
    claims: Mapped[dict[str, object]] = mapped_column(JSONB)
    state: Mapped[str]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


def find_stream(session: Session, client_id: str, stream_id: str) -> Stream | None:
    """Return a client's own stream."""
    return session.scalars(select(Stream).where(Stream.client_id == client_id, Stream.stream_id == stream_id)).one_or_none()


def streams_of(session: Session, client_id: str) -> list[Stream]:
    """Return a client's streams, oldest first."""
    return list(session.scalars(select(Stream).where(Stream.client_id == client_id).order_by(Stream.created_at, Stream.stream_id)))


def streams_about(session: Session, org_ids: set[str]) -> list[Stream]:
    """Return the streams of the bodies that a consent concerns."""
    return list(session.scalars(select(Stream).where(Stream.org_id.in_(org_ids), Stream.status != StreamStatus.DISABLED)))


def waiting_events(session: Session, stream_id: str, *, limit: int) -> list[SecurityEvent]:
    """Return the events not yet taken, oldest first."""
    statement = select(SecurityEvent).where(SecurityEvent.stream_id == stream_id, SecurityEvent.state == "pending")
    return list(session.scalars(statement.order_by(SecurityEvent.jti).limit(limit)))
