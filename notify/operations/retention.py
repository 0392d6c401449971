"""Let go of what has been kept long enough: whole days of messages at once, and what other nouns keep for a while.

A day goes when it is too old for every service; what some keep for less goes by rows (shorter_retention.py).  Counts stay.
Spec: notify-api §11, §20.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, text

from notify.context import Notify
from notify.models.bulk import BulkJob
from notify.models.catalogue import KnownService
from notify.models.days import clear_rest, drop_day, first_id, make_days, old_days
from notify.models.document import ATTACHMENTS, DOCUMENTS, Document, MessageAttachment
from notify.models.letter_file import LETTERS, letter_name
from notify.models.message_count import count_before
from notify.models.messages import Kept
from notify.models.print_batch import BatchState, PrintBatch, PrintItem
from notify.models.received_text import ReceivedText
from notify.models.service import Service
from notify.operations.callback_log import forget_calls
from notify.operations.kept_files import attachments_outside, not_in_mailbox
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
    with notify.transaction() as tx:
        connection = tx.connection
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'"))
        kept = connection.execute(select(Service.retention_days, Service.retention)).all()
        longest = max((row.retention.get(channel, row.retention_days) for row in kept for channel in Channel), default=0)
        before = (now - timedelta(days=longest)).date()
        tx.forgot("notifications", count_before(connection, before))
        dropped = old_days(connection, before)
        for day in dropped:
            drop_day(connection, day)
        clear_rest(connection, before)
    forget_requests(notify)
    forget_calls(notify)
    _forget_files(notify, before)
    with notify.transaction() as tx:
        tx.forget(delete(BulkJob).where(BulkJob.created_at < now - timedelta(days=max(longest, 30))))
        printed = select(PrintBatch.id).where(PrintBatch.state == BatchState.RECEIPTED.value, PrintBatch.created_at < now - PRINTED_KEPT)
        tx.forget(delete(PrintItem).where(PrintItem.batch_id.in_(printed)))
        tx.forget(delete(PrintBatch).where(PrintBatch.id.in_(printed)))
        tx.forget(delete(Document).where(Document.available_until <= now))
        tx.forget(delete(ReceivedText).where(ReceivedText.created_at < now - KEPT))
        tx.forget(delete(MessageAttachment).where(_past(before)))
    return LetGo(made, dropped)


def _past(before: date) -> ColumnElement[bool]:
    """Tell attachments of messages from before a day; those of mailbox messages stay as long as the message does."""
    return (MessageAttachment.notification_id < first_id(before)) & not_in_mailbox()


def _forget_files(notify: Notify, before: date) -> None:
    """Delete from the bucket what is about to go from the rows, and what never got a row because its request failed."""
    files, today = notify.files, notify.clock.now().date()
    files.forget(files.names(LETTERS, before=letter_name(first_id(before))))
    files.forget(files.names(DOCUMENTS, before=f"{DOCUMENTS}{today:%Y%m%d}"))
    files.forget(attachments_outside(notify, _past(before)))
    since, until = (first_id(today - timedelta(days=days)) for days in (2, 1))
    kept = set(files.names(ATTACHMENTS, after=f"{ATTACHMENTS}{since}", before=f"{ATTACHMENTS}{until}"))
    if kept:
        files.forget(kept - attachments_outside(notify, MessageAttachment.notification_id.between(since, until)))


def kept_of(service: KnownService, now: datetime) -> Kept:
    """Give from when on a service's messages are kept."""
    days = {channel.value: service.days_of(channel) for channel in Channel}
    longest = max(days.values())
    shorter = {channel: now - timedelta(days=kept) for channel, kept in days.items() if kept < longest}
    return Kept(now - timedelta(days=longest), shorter)
