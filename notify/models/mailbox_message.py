"""A message in a person's mailbox: kept here for the person, longer than the notification, with whether it was read."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class MailboxMessage(Base):
    """One message; `sealed` holds subject and body as JSON, encrypted under the service's data key."""

    __tablename__ = "mailbox_messages"
    __table_args__ = (Index("ix_mailbox_messages_person_index_created_at", "person_index", "created_at"),)

    notification_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"))
    person_index: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    content_sha256: Mapped[str] = mapped_column(String(64), server_default="")
    # Ids of the audit rows that prove when it was placed and opened.
    placed_entry: Mapped[uuid.UUID | None]
    read_entry: Mapped[uuid.UUID | None]
    reminded_at: Mapped[datetime | None]
    # By `email` or `sms`; an e-mail that came back leaves the moment empty again, and this as it is.
    reminded_by: Mapped[str | None] = mapped_column(String(10))
