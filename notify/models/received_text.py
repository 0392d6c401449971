"""Texts that people send to a service's number.  Spec: notify-api §7."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class InboundNumber(Base):
    """A number that belongs to a service; digits as the networks give them."""

    __tablename__ = "inbound_numbers"

    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), index=True)
    created_at: Mapped[datetime]


class ReceivedText(Base):
    """One text; `sealed` holds the sender's number and the words, encrypted under the service's data key."""

    __tablename__ = "received_texts"
    __table_args__ = (
        Index("ix_received_texts_service_id_created_at_id", "service_id", "created_at", "id"),
        Index("uq_received_texts_provider_provider_reference", "provider", "provider_reference", unique=True),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"))
    notify_number: Mapped[str] = mapped_column(String(20))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    provider: Mapped[str] = mapped_column(String(40))
    provider_reference: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(index=True)
