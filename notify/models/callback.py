"""Where a service wants to be told, what it was told, and each try.  Spec: notify-api §18."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base

KINDS = ("delivery_status", "inbound_sms", "complaint", "returned_letter")


class ServiceCallback(Base):
    """One address a service and kind; bearer token and signing secret stand encrypted, since both are needed for each call."""

    __tablename__ = "service_callbacks"
    __table_args__ = (CheckConstraint("kind IN ('delivery_status', 'inbound_sms', 'complaint', 'returned_letter')", name="kind"),)

    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    url: Mapped[str] = mapped_column(String(1000))
    bearer_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class CallbackCall(Base):
    """One event a service was told of, under the id that every try and replay carries; the body stands encrypted."""

    __tablename__ = "callback_calls"
    __table_args__ = (Index("ix_callback_calls_service_id_created_at_id", "service_id", "created_at", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"))
    kind: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[uuid.UUID]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(index=True)


class CallbackAttempt(Base):
    """One try: the status that came back, or 0 and the kind of fault."""

    __tablename__ = "callback_attempts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("callback_calls.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    status: Mapped[int]
    fault: Mapped[str] = mapped_column(String(40))
    milliseconds: Mapped[int]
