"""Let go of what has been kept long enough: whole days of messages at once, and what other nouns keep for a while.

A day goes when it is too old for every service; of services that keep less, rows are deleted.  Counts stay.  Spec: notify-api §11, §20.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, text

from notify.context import Notify
from notify.models.bulk import BulkJob
from notify.models.catalogue import KnownService
from notify.models.days import clear_rest, drop_day, first_id, make_days, old_days
from notify.models.document import ATTACHMENTS, DOCUMENTS, Document, MessageAttachment, attachment_name
from notify.models.letter_file import LETTERS, LetterFile, letter_name
from notify.models.mailbox_message import MailboxMessage
from notify.models.message_count import count_before
from notify.models.messages import Kept
from notify.models.notification import Notification
from notify.models.print_batch import BatchState, PrintBatch, PrintItem
from notify.models.received_text import ReceivedText
from notify.models.service import Service
from notify.operations.callback_log import forget_calls
from notify.operations.received_texts import KEPT
from notify.operations.unsubscribing import forget_requests
from notify.standards.statuses import Channel

LOCK_SECONDS_MAX = 2
PRINTED_KEPT = timedelta(days=90)
"""Of a batch that the supplier answered for: long enough to complain about what was printed and billed."""


@dataclass(frozen=True)
class LetGo:
    """What one run did: days that got tables, days that went."""

    made: list[date]
    dropped: list[date]


def keep_days(notify: Notify) -> LetGo:
    """Make tables for the coming days and let old ones go; waits for nobody longer than a moment, the next run is soon."""
    now = notify.clock.now()
    with notify.db.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'"))
        made = make_days(connection, now.date())
    with notify.db.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'"))
        kept = {
            row.id: _days(row.retention_days, row.retention)
            for row in connection.execute(select(Service.id, Service.retention_days, Service.retention))
        }
        longest = max((days for of_service in kept.values() for days in of_service), default=0)
        before = (now - timedelta(days=longest)).date()
        count_before(connection, before)
        dropped = old_days(connection, before)
        for day in dropped:
            drop_day(connection, day)
        clear_rest(connection, before)
    _forget_for_shorter(notify, kept, longest)
    forget_requests(notify)
    forget_calls(notify)
    _forget_files(notify, before)
    with notify.db.begin() as connection:
        connection.execute(delete(BulkJob).where(BulkJob.created_at < now - timedelta(days=max(longest, 30))))
        printed = select(PrintBatch.id).where(PrintBatch.state == BatchState.RECEIPTED.value, PrintBatch.created_at < now - PRINTED_KEPT)
        connection.execute(delete(PrintItem).where(PrintItem.batch_id.in_(printed)))
        connection.execute(delete(PrintBatch).where(PrintBatch.id.in_(printed)))
        connection.execute(delete(Document).where(Document.available_until <= now))
        connection.execute(delete(ReceivedText).where(ReceivedText.created_at < now - KEPT))
        connection.execute(delete(MessageAttachment).where(_past(before)))
    return LetGo(made, dropped)


def _past(before: date) -> ColumnElement[bool]:
    """Tell attachments of messages from before a day; those of mailbox messages stay as long as the message does."""
    in_mailbox = select(MailboxMessage.notification_id).where(MailboxMessage.notification_id == MessageAttachment.notification_id)
    return (MessageAttachment.notification_id < first_id(before)) & ~in_mailbox.exists()


def _forget_files(notify: Notify, before: date) -> None:
    """Delete from the bucket what is about to go from the rows, and what never got a row because its request failed."""
    files, today = notify.files, notify.clock.now().date()
    files.forget(files.names(LETTERS, before=letter_name(first_id(before))))
    files.forget(files.names(DOCUMENTS, before=f"{DOCUMENTS}{today:%Y%m%d}"))
    files.forget(_outside(notify, _past(before)))
    since, until = (first_id(today - timedelta(days=days)) for days in (2, 1))
    kept = set(files.names(ATTACHMENTS, after=f"{ATTACHMENTS}{since}", before=f"{ATTACHMENTS}{until}"))
    if kept:
        files.forget(kept - _outside(notify, MessageAttachment.notification_id.between(since, until)))


def _outside(notify: Notify, which: ColumnElement[bool]) -> set[str]:
    """Name the attachments that stand in the bucket."""
    table = MessageAttachment
    with notify.reading() as tx:
        rows = tx.connection.execute(select(table.notification_id, table.position).where(which, table.sealed == b"")).all()
    return {attachment_name(*row) for row in rows}


def kept_of(service: KnownService, now: datetime) -> Kept:
    """Give from when on a service's messages are kept."""
    days = {channel.value: service.days_of(channel) for channel in Channel}
    longest = max(days.values())
    shorter = {channel: now - timedelta(days=kept) for channel, kept in days.items() if kept < longest}
    return Kept(now - timedelta(days=longest), shorter)


def _days(of_service: int, of_channel: Mapping[str, int]) -> dict[int, list[str]]:
    """Give the channels of a service by the days for which it keeps them."""
    days: dict[int, list[str]] = {}
    for channel in Channel:
        days.setdefault(of_channel.get(channel, of_service), []).append(channel.value)
    return days


def _forget_for_shorter(notify: Notify, kept: Mapping[uuid.UUID, Mapping[int, list[str]]], longest: int) -> None:
    """Delete what services keep for less than the longest, with its pages and files."""
    now, table = notify.clock.now(), Notification
    for service_id, of_service in kept.items():
        for days, channels in of_service.items():
            if days == longest:
                continue
            before = (now - timedelta(days=days)).date()
            old = (table.service_id == service_id) & (table.id < first_id(before)) & table.channel.in_(channels)
            letters = LetterFile.notification_id.in_(select(table.id).where(old, table.channel == Channel.LETTER.value))
            files = MessageAttachment.notification_id.in_(select(table.id).where(old, table.channel == Channel.EMAIL.value))
            notify.files.forget(_outside(notify, files) | _letters_outside(notify, letters))
            with notify.db.begin() as connection:
                count_before(connection, before, service_id, channels)
                connection.execute(delete(LetterFile).where(letters))
                connection.execute(delete(MessageAttachment).where(files))
                connection.execute(delete(table).where(old))


def _letters_outside(notify: Notify, which: ColumnElement[bool]) -> set[str]:
    """Name the letters whose pages stand in the bucket."""
    with notify.reading() as tx:
        return {
            letter_name(key)
            for key in tx.connection.execute(select(LetterFile.notification_id).where(which, LetterFile.pdf_sealed == b"")).scalars()
        }
