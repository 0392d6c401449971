"""What a provider says became of a message.  Twice, late, early and unknown receipts are all answered and change nothing they should not.

Spec: notify-api §10, §19.
"""

import uuid
from datetime import timedelta
from enum import StrEnum

import structlog

from notify.context import Notify
from notify.models import messages
from notify.models.messages import Message
from notify.models.notification import STATUSES
from notify.operations.callbacks import enqueue_callback
from notify.standards.statuses import AWAITING_RECEIPT, Status, from_receipt
from shared.context import Transaction

log = structlog.get_logger("andamio.notify.receipts")


class Applied(StrEnum):
    """What a receipt did."""

    CHANGED = "changed"
    REPEATED = "repeated"
    UNKNOWN = "unknown"


def apply_receipt(notify: Notify, notification_id: uuid.UUID, word: str, *, provider: str) -> Applied:
    """Move a message to where a provider's word leads, if it still waits for one."""
    with notify.transaction() as tx:
        row = messages.find_row(tx.connection, notification_id, lock=True)
        if row is None:
            log.info("receipt for an unknown message", provider=provider)
            return Applied.UNKNOWN
        message = messages.open_row(row, notify.cipher)
        target = from_receipt(word, message.status)
        if message.status not in AWAITING_RECEIPT or not STATUSES.allows(message.status, target):
            log.info("receipt changes nothing", provider=provider, present=message.status, received=target)
            return Applied.REPEATED
        _move(notify, tx, message, target, provider)
    return Applied.CHANGED


def _move(notify: Notify, tx: Transaction, message: Message, target: Status, provider: str) -> None:
    now = notify.clock.now()
    action = messages.move(tx.connection, message.id, message.status, target, now)
    if action is None:  # the row is locked
        raise RuntimeError("a locked notification moved")
    tx.record(
        action,
        actor=f"provider:{provider}",
        object_id=str(message.id),
        channel="receipt",
        data={"channel": message.channel, "status": target.value},
    )
    service = notify.catalogue.find_service(message.service_id)
    if service is not None:
        enqueue_callback(tx, service, message, target, now)


def expire_unanswered(notify: Notify) -> int:
    """Give up on messages whose receipt has not come for 72 hours; return how many.  Spec: §10."""
    before = notify.clock.now() - timedelta(hours=72)
    with notify.reading() as tx:
        waiting = messages.find_unanswered(tx.connection, before)
    for notification_id in waiting:
        apply_receipt(notify, notification_id, Status.TEMPORARY_FAILURE.value, provider="sweep")
    return len(waiting)
