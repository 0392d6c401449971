"""What the operator tells everybody on every page: planned work, and what happens now (§3.12)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog
from sqlalchemy import CheckConstraint, ForeignKey, String, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import Base, table_of
from shared.context import Context

log = structlog.get_logger("andamio.identity.announcements")


class AnnouncementKind(StrEnum):
    """Planned work is told 48 hours ahead and shown from then on; news are shown from their beginning."""

    WORK = "work"
    NEWS = "news"


class Announcement(Base):
    """One text in both languages, from one moment to another; `withdrawn_at` ends it before its time."""

    __tablename__ = "announcements"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    text_es: Mapped[str] = mapped_column(String(300))
    text_en: Mapped[str] = mapped_column(String(300))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    made_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    made_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("kind IN ('work', 'news')", name="kind"),
        CheckConstraint("ends_at > begins_at", name="ends_later"),
    )


ANNOUNCEMENTS = table_of(Announcement)


@dataclass(frozen=True)
class Told:
    """One announcement; `texts` by language."""

    id: UUID
    kind: AnnouncementKind
    texts: dict[str, str]
    begins_at: datetime
    ends_at: datetime

    def is_shown(self, now: datetime) -> bool:
        """True while it stands on pages."""
        return now < self.ends_at and (self.kind is AnnouncementKind.WORK or self.begins_at <= now)


class AnnouncementStore:
    """The announcements that are not over, kept for `cache_ttl`; without the database those that were known."""

    def __init__(self, context: Context, *, cache_ttl: timedelta) -> None:
        self._context = context
        self._ttl = cache_ttl
        self._kept: tuple[Told, ...] = ()
        self._read_at: datetime | None = None

    def present(self) -> tuple[Told, ...]:
        """Return what pages show now, the earliest first."""
        now = self._context.clock.now()
        if self._read_at is None or now - self._read_at >= self._ttl:
            try:
                self._kept, self._read_at = self.coming(), now
            except SQLAlchemyError as error:
                log.warning("announcements not read", error=type(error).__name__)
        return tuple(told for told in self._kept if told.is_shown(now))

    def coming(self) -> tuple[Told, ...]:
        """Return all that are not over, also those that are not shown yet."""
        wanted = (ANNOUNCEMENTS.c.ends_at > self._context.clock.now(), ANNOUNCEMENTS.c.withdrawn_at.is_(None))
        with self._context.reading() as tx:
            rows = tx.connection.execute(select(ANNOUNCEMENTS).where(*wanted).order_by(ANNOUNCEMENTS.c.begins_at)).all()
        return tuple(
            Told(row.id, AnnouncementKind(row.kind), {"es": row.text_es, "en": row.text_en}, row.begins_at, row.ends_at) for row in rows
        )
