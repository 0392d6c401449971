"""The secrets by which providers prove what they say of messages."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base

PURPOSE = "notify-receipt-secret"
"""Of the keyed hash under which they are kept."""


class ReceiptSecret(Base):
    """One secret of one provider, as a keyed hash; the newest has no `ends_at`."""

    __tablename__ = "receipt_secrets"
    __table_args__ = (
        CheckConstraint("channel IN ('email', 'sms', 'letter')", name="channel"),
        Index("uq_receipt_secrets_channel_provider", "channel", "provider", unique=True, postgresql_where=text("ends_at IS NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(10))
    provider: Mapped[str] = mapped_column(String(40))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
