"""The parts of a text that went over SMPP, by the SMSC's own id: its receipts name nothing else."""

import uuid
from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class SmsPart(Base):
    """One part; `status` is empty until its receipt came."""

    __tablename__ = "sms_parts"
    __table_args__ = (Index("ix_sms_parts_notification_id", "notification_id"),)

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    provider_reference: Mapped[str] = mapped_column(String(65), primary_key=True)
    notification_id: Mapped[uuid.UUID]
    status: Mapped[str] = mapped_column(String(30), default="")
    created_at: Mapped[datetime]
