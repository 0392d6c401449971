"""A list of recipients that a team keeps, to send to again."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class ContactList(Base):
    """`sealed` holds the rows as JSON, encrypted under the service's data key; it goes when it is deleted, or at `keep_until`."""

    __tablename__ = "contact_lists"
    __table_args__ = (CheckConstraint("channel IN ('email', 'sms', 'letter', 'mailbox')", name="channel"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), index=True)
    channel: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(255))
    columns: Mapped[list[str]] = mapped_column(ARRAY(String(255)))
    rows: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    keep_until: Mapped[datetime] = mapped_column(index=True)
