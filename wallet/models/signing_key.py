"""Signing keys: one kind of key a use, pending before it signs and published after it has stopped.  Spec: wallet contract §18."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wallet.models.base import Base


class SigningKey(Base):
    """One key; the private part is encrypted, and destroyed when the key is retired."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        CheckConstraint("use in ('consent-token', 'evidence', 'receipt', 'status-list', 'event')", name="use"),
        CheckConstraint("state in ('pending', 'active', 'retired')", name="state"),
        CheckConstraint("(state = 'retired') = (private is null)", name="private"),
        Index("uq_signing_keys_active", "use", unique=True, postgresql_where=text("state = 'active'")),
    )

    kid: Mapped[str] = mapped_column(primary_key=True)
    use: Mapped[str]
    state: Mapped[str]
    public: Mapped[dict[str, object]] = mapped_column(JSONB)
    private: Mapped[bytes | None]
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
