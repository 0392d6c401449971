"""Sign-on sessions, on the server's side (§3.9)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import HASH, TEXTS, Base


class SsoSession(Base):
    """One sign-on of one person in one browser; its token changes at each rise in level (LO-12), which happened at `level_at`.

    `device` and `place` are words for people, never an address; a `kiosk` session is short and shared with nobody.
    """

    __tablename__ = "sso_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(HASH, unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    auth_time: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(80))
    amr: Mapped[list[str]] = mapped_column(TEXTS)
    level_at: Mapped[datetime | None]
    device: Mapped[str] = mapped_column(String(60), server_default=text("''"))
    place: Mapped[str] = mapped_column(String(80), server_default=text("''"))
    kiosk: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_sso_sessions_expires_at", "expires_at", "id"),)
