"""What keeps robots and thieves off: counters, and marks that are used once."""

from datetime import datetime

from sqlalchemy import Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import HASH, Base


class Count(Base):
    """How often something happened since a window began; `key` is keyed, so that it names nobody (LK-3, LK-6)."""

    __tablename__ = "counts"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    window_started_at: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Spent(Base):
    """A challenge or ticket that was used: the second use finds it here."""

    __tablename__ = "spent"

    mark_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
