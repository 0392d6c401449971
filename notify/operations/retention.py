"""Let go of what has been kept long enough: whole days of messages at once, and what other nouns keep for a while.

A day goes when it is too old for every service; of services that keep less, rows are deleted.  Counts stay.  Spec: notify-api §11, §20.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, delete, func, select, text

from notify.context import Notify
from notify.models.bulk import BulkJob
from notify.models.days import clear_rest, drop_day, first_id, make_days, old_days
from notify.models.document import ATTACHMENTS, DOCUMENTS, Document, MessageAttachment, attachment_name
from notify.models.letter_file import LETTERS, letter_name
from notify.models.mailbox_message import MailboxMessage
from notify.models.message_count import count_before
from notify.models.notification import Notification
from notify.models.print_batch import BatchState, PrintBatch, PrintItem
from notify.models.received_text import ReceivedText
from notify.models.service import Service
from notify.operations.callback_log import forget_calls
from notify.operations.received_texts import KEPT
from notify.operations.unsubscribing import forget_requests

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
        longest = connection.execute(select(func.max(Service.retention_days))).scalar() or 0
        before = (now - timedelta(days=longest)).date()
        count_before(connection, before)
        dropped = old_days(connection, before)
        for day in dropped:
            drop_day(connection, day)
        clear_rest(connection, before)
    _forget_for_shorter(notify, longest)
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


def _forget_for_shorter(notify: Notify, longest: int) -> None:
    """Delete what services keep for less than the longest."""
    now = notify.clock.now()
    with notify.reading() as tx:
        shorter = tx.connection.execute(select(Service.id, Service.retention_days).where(Service.retention_days < longest)).all()
    for service_id, days in shorter:
        before = (now - timedelta(days=days)).date()
        with notify.db.begin() as connection:
            count_before(connection, before, service_id)
            connection.execute(delete(Notification).where(Notification.service_id == service_id, Notification.id < first_id(before)))
