"""Clients that registered themselves: what they said, the token that manages them, and the tokens that let others register (§2.21)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import HASH, Base


class Registration(Base):
    """One client's own registration; `metadata_shown` is what is read back, `expires_at` the end of one that nobody claimed."""

    __tablename__ = "registrations"

    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), primary_key=True)
    token_hash: Mapped[str] = mapped_column(HASH)
    metadata_shown: Mapped[dict[str, object]] = mapped_column(JSONB)
    address_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)


class InitialToken(Base):
    """Lets its bearer register clients of one service until it expires; only its hash is kept (RG-1)."""

    __tablename__ = "initial_tokens"

    token_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    service_id: Mapped[UUID] = mapped_column(ForeignKey("services.id"))
    made_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
