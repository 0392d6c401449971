"""Tell everybody on every page: planned work 48 hours ahead, news at once (§3.12)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update

from identity.context import Identity
from identity.events import Event
from identity.models.announcement import ANNOUNCEMENTS, AnnouncementKind
from identity.operations.refusals import AnnouncementRefused
from shared.web.words import gettext_noop

NOTICE = timedelta(hours=48)
TEXT_MAX = 300


@dataclass(frozen=True)
class Words:
    """What is to be told, and when: for planned work the time of the work."""

    kind: AnnouncementKind
    text_es: str
    text_en: str
    begins_at: datetime
    ends_at: datetime


def announce(identity: Identity, operator_id: UUID, words: Words) -> UUID:
    """Have it stand on every page; return its id.  Raises: AnnouncementRefused."""
    now, announcement_id = identity.clock.now(), identity.ids.uuid4()
    if not words.text_es or not words.text_en or max(len(words.text_es), len(words.text_en)) > TEXT_MAX:
        raise AnnouncementRefused(gettext_noop("Write the text in both languages, in 300 characters at most."))
    if "\x00" in words.text_es + words.text_en:
        raise AnnouncementRefused(gettext_noop("The text has a character that cannot be shown."))
    if not all(2000 <= at.year <= 2200 for at in (words.begins_at, words.ends_at)):
        raise AnnouncementRefused(gettext_noop("Days lie between the years 2000 and 2200."))
    if words.ends_at <= max(words.begins_at, now):
        raise AnnouncementRefused(gettext_noop("The end must come after the beginning, and after now."))
    if words.kind is AnnouncementKind.WORK and words.begins_at < now + NOTICE:
        raise AnnouncementRefused(gettext_noop("Planned work is announced 48 hours ahead at least. What cannot wait is news."))
    with identity.transaction() as tx:
        tx.connection.execute(ANNOUNCEMENTS.insert().values(id=announcement_id, made_by=operator_id, made_at=now, **vars(words)))
        data: dict[str, str | int | bool | list[str]] = {"kind": str(words.kind)}
        tx.record(Event.ANNOUNCED, actor=f"person:{operator_id}", object_id=str(announcement_id), channel="web", data=data)
    return announcement_id


def withdraw(identity: Identity, operator_id: UUID, announcement_id: UUID) -> None:
    """Take an announcement away before its end; a second time changes nothing."""
    wanted = (ANNOUNCEMENTS.c.id == announcement_id, ANNOUNCEMENTS.c.withdrawn_at.is_(None))
    with identity.transaction() as tx:
        if tx.connection.execute(update(ANNOUNCEMENTS).where(*wanted).values(withdrawn_at=identity.clock.now())).rowcount:
            tx.record(Event.ANNOUNCEMENT_WITHDRAWN, actor=f"person:{operator_id}", object_id=str(announcement_id), channel="web")
