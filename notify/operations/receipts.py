"""What a provider says became of a message.  Twice, late, early and unknown receipts are all answered and change nothing they should not.

Spec: notify-api §10, §19.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import Row

from notify.context import Notify
from notify.models import messages
from notify.models.notification import STATUSES
from notify.operations.callbacks import callback_of, enqueue_callbacks
from notify.standards.statuses import AWAITING_RECEIPT, Status, from_receipt
from shared import trace
from shared.context import Transaction

log = structlog.get_logger("andamio.notify.receipts")
EXPIRED_AT_ONCE = 200


class Applied(StrEnum):
    """What a receipt did."""

    CHANGED = "changed"
    REPEATED = "repeated"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Receipt:
    """What a provider says of one message, in its own word."""

    notification_id: uuid.UUID
    word: str
    provider: str
    request_id: str
    journey_id: str


def apply_receipt(notify: Notify, notification_id: uuid.UUID, word: str, *, provider: str) -> Applied:
    """Move a message to where a provider's word leads, if it still waits for one."""
    receipt = Receipt(notification_id, word, provider, trace.request_id(), trace.journey_id())

    def write(batch: Sequence[Receipt]) -> list[Applied]:
        return apply_many(notify, batch)

    return notify.grouped("receipts", write).put(receipt)


def apply_many(notify: Notify, batch: Sequence[Receipt]) -> list[Applied]:
    """Apply receipts in the order they came, in one transaction."""
    now = notify.clock.now()
    with notify.transaction() as tx:
        rows = messages.lock_rows(tx.connection, {receipt.notification_id for receipt in batch})
        present = {row.id: Status(row.status) for row in rows.values()}
        applied = []
        calls: list[dict[str, str] | None] = []
        for receipt in batch:
            status = present.get(receipt.notification_id)
            target = from_receipt(receipt.word, status) if status else None
            if status is None or target is None:
                log.info("receipt for an unknown message", provider=receipt.provider)
                applied.append(Applied.UNKNOWN)
            elif status not in AWAITING_RECEIPT or not STATUSES.allows(status, target):
                log.info("receipt changes nothing", provider=receipt.provider, present=status, received=target)
                applied.append(Applied.REPEATED)
            else:
                present[receipt.notification_id] = target
                _note(tx, rows[receipt.notification_id], receipt, status=status, target=target)
                with trace.working_on(receipt.request_id, receipt.journey_id):
                    calls.append(callback_of(notify, rows[receipt.notification_id], target))
                applied.append(Applied.CHANGED)
        changed = [{"id": key, "status": status.value} for key, status in present.items() if status.value != rows[key].status]
        messages.apply_many(tx.connection, changed, now)
        enqueue_callbacks(tx, calls)
    return applied


def _note(tx: Transaction, row: Row[Any], receipt: Receipt, *, status: Status, target: Status) -> None:
    with trace.working_on(receipt.request_id, receipt.journey_id):
        tx.record(
            STATUSES.check(status, target),
            actor=f"provider:{receipt.provider}",
            object_id=str(row.id),
            channel="receipt",
            data={"channel": row.channel, "status": target.value},
        )


def expire_unanswered(notify: Notify) -> int:
    """Give up on messages whose receipt has not come for 72 hours; return how many.  Spec: §10."""
    before = notify.clock.now() - timedelta(hours=72)
    with notify.reading() as tx:
        waiting = messages.find_unanswered(tx.connection, before)
    for begin in range(0, len(waiting), EXPIRED_AT_ONCE):
        some = waiting[begin : begin + EXPIRED_AT_ONCE]
        apply_many(notify, [Receipt(key, Status.TEMPORARY_FAILURE.value, "sweep", "", "") for key in some])
    return len(waiting)
