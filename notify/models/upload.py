"""A file of recipients that somebody uploaded and has not sent yet."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class Upload(Base):
    """`sealed` holds the rows as JSON, encrypted under the service's data key; it goes when it was sent, or after a day."""

    __tablename__ = "uploads"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), index=True)
    template_id: Mapped[uuid.UUID]
    name: Mapped[str] = mapped_column(String(255))
    columns: Mapped[list[str]] = mapped_column(ARRAY(String(255)))
    rows: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
