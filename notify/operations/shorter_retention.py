"""What services keep for less than the longest: deleted at night, by day's table and service, in small transactions.

A day's table holds the messages of all services, so for these it cannot go whole.  Nobody is shown what is past its time meanwhile
(`messages.Kept`).  A mark says up to which day a service is done, so that each day is looked at once; a run does a bounded share, the next
goes on.  Counts stay.  Spec: notify-api §11, §20.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.models.days import first_id
from notify.models.document import MessageAttachment
from notify.models.letter_file import LetterFile
from notify.models.message_count import delete_counted
from notify.models.retention_mark import RetentionMark
from notify.models.service import Service
from notify.operations.kept_files import attachments_outside, letters_outside, not_in_mailbox
from notify.standards.statuses import Channel

QUIET_HOURS = range(1, 6)
"""By the clock where people are."""
ROWS_A_BATCH = 2_000
ROWS_A_RUN = 50_000
DAYS_A_RUN = 2_000
"""Days of services that one run looks at."""
_ONE_DAY = timedelta(days=1)
# In the order of the index, from where the last batch ended: what stays is passed over once.
_BATCH = text("""
SELECT id, key_kind, created_at FROM notifications
WHERE service_id = :service AND id >= :lower AND id < :upper AND channel = ANY(:channels)
    AND (key_kind, created_at, id) > (CAST(:kind AS text), CAST(:at AS timestamptz), CAST(:after AS uuid))
ORDER BY key_kind, created_at, id LIMIT :size
""")
_BEGIN = {"kind": "", "at": datetime.min.replace(tzinfo=UTC), "after": uuid.UUID(int=0)}


@dataclass(frozen=True, order=True)
class _Due:
    """A day of a service of which some channels are kept no longer."""

    day: date
    service_id: uuid.UUID
    channels: tuple[str, ...]

    @property
    def bounds(self) -> dict[str, uuid.UUID]:
        """Give the ids between which the day's messages are."""
        return {"lower": first_id(self.day), "upper": first_id(self.day + _ONE_DAY)}


def forget_for_shorter(notify: Notify) -> int:
    """Delete some of what is past its time, in the quiet hours; give how many messages."""
    now = notify.clock.now()
    if now.astimezone(notify.zone).hour not in QUIET_HOURS:
        return 0
    with notify.reading() as tx:
        due = _due(tx.connection, now)
    deleted, done = 0, []
    for each in due[:DAYS_A_RUN]:
        rows, is_done = _forget_day(notify, each, ROWS_A_RUN - deleted)
        deleted += rows
        if not is_done:
            break
        done.append(each)
    _mark(notify, done)
    return deleted


def _due(connection: Connection, now: datetime) -> list[_Due]:
    """Give the days that services keep no longer and that were not done yet, the oldest first; older than the longest go by themselves."""
    services = connection.execute(select(Service.id, Service.retention_days, Service.retention)).all()
    kept = {(row.id, channel.value): row.retention.get(channel, row.retention_days) for row in services for channel in Channel}
    first = (now - timedelta(days=max(kept.values(), default=0))).date()
    marks: dict[tuple[uuid.UUID, str], date] = {
        (row.service_id, row.channel): row.before for row in connection.execute(select(RetentionMark.__table__))
    }
    by_day: dict[tuple[date, uuid.UUID], list[str]] = defaultdict(list)
    for (service_id, channel), days in kept.items():
        begin, end = max(marks.get((service_id, channel), first), first), (now - timedelta(days=days)).date()
        for number in range((end - begin).days):
            by_day[begin + number * _ONE_DAY, service_id].append(channel)
    return sorted(_Due(*key, tuple(channels)) for key, channels in by_day.items())


def _forget_day(notify: Notify, due: _Due, rows_max: int) -> tuple[int, bool]:
    """Delete a service's day batch by batch, at most so many messages; give how many, and whether none is left."""
    deleted, after = 0, dict[str, Any](_BEGIN)
    asked = {"service": due.service_id, "channels": list(due.channels), **due.bounds}
    while deleted < rows_max:
        size = min(ROWS_A_BATCH, rows_max - deleted)
        with notify.reading() as tx:
            rows = tx.connection.execute(_BATCH, asked | after | {"size": size}).all()
        if rows:
            _delete(notify, due, [row.id for row in rows])
            deleted += len(rows)
            after = {"kind": rows[-1].key_kind, "at": rows[-1].created_at, "after": rows[-1].id}
        if len(rows) < size:
            return deleted, True
    return deleted, False


def _delete(notify: Notify, due: _Due, ids: Sequence[uuid.UUID]) -> None:
    """Delete messages with their pages and files, and count them; files outside the database first, so that none is left behind."""
    letters = LetterFile.notification_id.in_(ids)
    files = MessageAttachment.notification_id.in_(ids) & not_in_mailbox()
    if {Channel.LETTER.value, Channel.EMAIL.value} & set(due.channels):
        notify.files.forget(attachments_outside(notify, files) | letters_outside(notify, letters))
    with notify.transaction() as tx:
        tx.forget(delete(LetterFile).where(letters))
        tx.forget(delete(MessageAttachment).where(files))
        tx.forgot("notifications", delete_counted(tx.connection, ids, **due.bounds))


def _mark(notify: Notify, done: Sequence[_Due]) -> None:
    marks = {(each.service_id, channel): each.day + _ONE_DAY for each in done for channel in each.channels}
    if not marks:
        return
    rows = [{"service_id": service_id, "channel": channel, "before": before} for (service_id, channel), before in sorted(marks.items())]
    added = insert(RetentionMark).values(rows)
    with notify.db.begin() as connection:
        changed = {"before": added.excluded.before}
        connection.execute(added.on_conflict_do_update(index_elements=["service_id", "channel"], set_=changed))
