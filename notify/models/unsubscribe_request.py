"""People who asked not to be written to any more.  Spec: notify-api §8."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class UnsubscribeRequest(Base):
    """One request; the address stands encrypted under the service's data key.  A second one counts after the first is processed."""

    __tablename__ = "unsubscribe_requests"
    __table_args__ = (
        Index("uq_unsubscribe_requests_open", "notification_id", unique=True, postgresql_where=text("processed_at IS NULL")),
        Index("ix_unsubscribe_requests_service_id_requested_at", "service_id", "requested_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    notification_id: Mapped[uuid.UUID]
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"))
    template_id: Mapped[uuid.UUID]
    recipient_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    requested_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
