"""Cancel a message that has not left: a scheduled one before its time, a letter before its cut-off.  Spec: notify-api §17."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from notify.context import Notify
from notify.errors import CannotCancel, NotificationNotFound
from notify.models import messages
from notify.models.messages import Message
from notify.models.notification import STATUSES
from notify.operations.authentication import Holder
from notify.operations.callbacks import callback_of, enqueue_callbacks
from notify.operations.notifications import Shown, get_notification
from notify.operations.services import rules_of
from notify.standards.statuses import Channel, Status
from notify.standards.wire_time import CUT_OFF
from shared.transaction import Transaction
from shared.web import gettext_noop

Cancellable = Message | Row[Any]


def letter_cut_off(created_at: datetime, zone: ZoneInfo) -> datetime:
    """Give the moment until which a letter can be cancelled: 17:30 of the day it was made, or of the next when made later."""
    made = created_at.astimezone(zone)
    day = made if (made.hour, made.minute) < CUT_OFF else made + timedelta(days=1)
    return day.replace(hour=CUT_OFF[0], minute=CUT_OFF[1], second=0, microsecond=0)


def may_be_cancelled(notify: Notify, message: Cancellable) -> bool:
    """Tell whether a message may be taken back, as far as it is not being handed over this very moment.

    A letter that a printer was offered, and has not answered for, may be on paper.
    """
    now = notify.clock.now()
    zone = rules_of(notify, message.service_id).post_clock(notify.zone)
    scheduled = message.scheduled_for is not None and message.scheduled_for > now
    in_time = message.channel == Channel.LETTER and now < letter_cut_off(message.created_at, zone)
    return message.provider is None and STATUSES.allows(Status(message.status), Status.CANCELLED) and (scheduled or in_time)


def cancel(notify: Notify, holder: Holder, notification_id: uuid.UUID) -> Shown:
    """Cancel a service's own message, and give it.  Twice is as good as once.  Raises: NotificationNotFound, CannotCancel."""
    with notify.transaction() as tx:
        row = messages.lock_rows(tx.connection, [notification_id]).get(notification_id)
        if row is None or row.service_id != holder.service.id:
            raise NotificationNotFound
        status = Status(row.status)
        if status is not Status.CANCELLED:
            if not may_be_cancelled(notify, row) or row.claimed_until is not None:
                raise CannotCancel(gettext_noop("Notification cannot be cancelled: it has been sent, or will be in a moment"))
            cancel_all(notify, tx, [row], actor=holder.named)
    give_back(notify, [row] if status is not Status.CANCELLED else [])
    return get_notification(notify, holder, notification_id)


def cancel_all(notify: Notify, tx: Transaction, rows: Sequence[Row[Any]], *, actor: str) -> None:
    """Cancel locked messages: each has its row in the log, and its service is told.  Raises: WrongState."""
    for row in rows:
        action = STATUSES.check(Status(row.status), Status.CANCELLED)
        tx.record(action, actor=actor, object_id=str(row.id), data={"channel": row.channel})
    if rows:
        changed = [{"id": row.id, "status": Status.CANCELLED.value} for row in rows]
        messages.apply_many(tx.connection, changed, notify.clock.now())
        enqueue_callbacks(tx, [callback_of(notify, row, Status.CANCELLED) for row in rows])


def give_back(notify: Notify, rows: Sequence[Row[Any]]) -> None:
    """Take cancelled messages off what their services have used of the allowance of the day they were made on."""
    used: dict[date, Counter[tuple[str, str]]] = defaultdict(Counter)
    for row in rows:
        if row.key_kind != "test":
            used[row.created_at.date()][str(row.service_id), row.channel] -= 1
    for day, counts in used.items():
        notify.limits.count(counts, datetime.combine(day, time(), UTC))
