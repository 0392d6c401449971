"""Where a service wants to be told what became of its messages.  Spec: notify-api §18."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class ServiceCallback(Base):
    """One address a service and kind; the bearer token stands encrypted, since it is sent with each call."""

    __tablename__ = "service_callbacks"
    __table_args__ = (CheckConstraint("kind IN ('delivery_status')", name="kind"),)

    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    url: Mapped[str] = mapped_column(String(1000))
    bearer_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
