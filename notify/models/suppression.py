"""An address that is not written to any more, and why."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class Reason(StrEnum):
    """Why an address is not written to."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    STAFF = "staff"


class Suppression(Base):
    """One e-mail address of one service; the address is encrypted under the service's data key and found by blind index."""

    __tablename__ = "suppressions"
    __table_args__ = (
        CheckConstraint("reason IN ('bounce', 'complaint', 'staff')", name="reason"),
        Index("ix_suppressions_service_id_created_at", "service_id", "created_at"),
    )

    service_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    recipient_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    recipient_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(String(20))
    notification_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
