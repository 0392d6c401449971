"""Cancel a message that has not left: a scheduled one before its time, a letter before its cut-off.  Spec: notify-api §17."""

import uuid
from datetime import datetime, timedelta
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
from notify.standards.statuses import Channel, Status
from shared.web import gettext_noop

Cancellable = Message | Row[Any]
LETTER_CLOCK = ZoneInfo("Europe/London")
CUT_OFF = (17, 30)


def letter_cut_off(created_at: datetime) -> datetime:
    """Give the moment until which a letter can be cancelled: 17:30 of the day it was made, or of the next when made later."""
    made = created_at.astimezone(LETTER_CLOCK)
    day = made if (made.hour, made.minute) < CUT_OFF else made + timedelta(days=1)
    return day.replace(hour=CUT_OFF[0], minute=CUT_OFF[1], second=0, microsecond=0)


def may_be_cancelled(message: Cancellable, now: datetime) -> bool:
    """Tell whether a message may be taken back, as far as it is not being handed over this very moment."""
    scheduled = message.scheduled_for is not None and message.scheduled_for > now
    in_time = message.channel == Channel.LETTER and now < letter_cut_off(message.created_at)
    return STATUSES.allows(Status(message.status), Status.CANCELLED) and (scheduled or in_time)


def cancel(notify: Notify, holder: Holder, notification_id: uuid.UUID) -> Shown:
    """Cancel a service's own message, and give it.  Twice is as good as once.  Raises: NotificationNotFound, CannotCancel."""
    now = notify.clock.now()
    with notify.transaction() as tx:
        row = messages.lock_rows(tx.connection, [notification_id]).get(notification_id)
        if row is None or row.service_id != holder.service.id:
            raise NotificationNotFound
        status = Status(row.status)
        if status is not Status.CANCELLED:
            if not may_be_cancelled(row, now) or row.claimed_until is not None:
                raise CannotCancel(gettext_noop("Notification cannot be cancelled: it has been sent, or will be in a moment"))
            action = STATUSES.check(status, Status.CANCELLED)
            messages.apply_many(tx.connection, [{"id": row.id, "status": Status.CANCELLED.value}], now)
            tx.record(action, actor=holder.named, object_id=str(row.id), data={"channel": row.channel})
            enqueue_callbacks(tx, [callback_of(notify, row, Status.CANCELLED)])
    if status is not Status.CANCELLED and row.key_kind != "test":
        notify.limits.count({(str(row.service_id), row.channel): -1}, row.created_at)
    return get_notification(notify, holder, notification_id)
