"""Up to which day a service's messages were let go, of those that it keeps for less than others do."""

import uuid
from datetime import date

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class RetentionMark(Base):
    """Of a service's messages of one channel nothing is left that was made before a day (UTC)."""

    __tablename__ = "retention_marks"

    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    before: Mapped[date]
