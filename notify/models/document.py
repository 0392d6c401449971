"""A file that a person fetches from a link in an email, readable only with the key in that link."""

import uuid
from datetime import UTC, datetime

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base

# Names are in the order in which they may be forgotten: by day of the end, and by the time-ordered id of the message.
DOCUMENTS, ATTACHMENTS = "documents/", "attachments/"


def document_name(available_until: datetime, document_id: uuid.UUID) -> str:
    """Name a document's file outside its row."""
    return f"{DOCUMENTS}{available_until.astimezone(UTC):%Y%m%d}/{document_id}"


def attachment_name(notification_id: uuid.UUID, position: int) -> str:
    """Name an attachment's file outside its row."""
    return f"{ATTACHMENTS}{notification_id}/{position}"


class Document(Base):
    """One file.  `about` (JSON: filename, mimetype) and `content` are sealed with the link's key, which is kept nowhere here.

    An empty `content_sealed` says that the file is in the bucket (shared/files.py).
    """

    __tablename__ = "documents"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"))
    about_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    # Keyed with the link's key too: without the link nobody can try addresses against it.
    email_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    size_bytes: Mapped[int]
    downloads: Mapped[int] = mapped_column(default=0)
    available_until: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime]


class MessageAttachment(Base):
    """A file that goes within an email, sealed with the service's data key until the message's days are over.

    An empty `sealed` says that the file is in the bucket.
    """

    __tablename__ = "message_attachments"

    notification_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
