"""What a provider says became of a message.  Twice, late, early and unknown receipts are all answered and change nothing they should not.

Only who took a message says what became of it.  While nobody knows yet who that is (the provider's yes is not written down), the word of
one of several providers waits until it is known.

Spec: notify-api §10, §19.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum, auto
from typing import Any

import structlog
from sqlalchemy import Row

from notify.context import Notify
from notify.events import Event
from notify.models import messages
from notify.models.notification import STATUSES
from notify.operations.callbacks import callback_of, enqueue_callbacks
from notify.operations.providers import set_up
from notify.standards.statuses import AWAITING_RECEIPT, Channel, Status, from_receipt
from shared import trace
from shared.transaction import Transaction

log = structlog.get_logger("andamio.notify.receipts")
EXPIRED_AT_ONCE = 200
EXPIRED_MAX = 100_000  # a run; a provider whose receipts were lost for a day leaves many
JOB = "take_receipt"
WAIT = timedelta(seconds=10)
GATHER_SECONDS = 0.02
"""Receipts come by thousands, and nobody waits for what one of them says."""


class Applied(StrEnum):
    """What a receipt did."""

    CHANGED = "changed"
    REPEATED = "repeated"
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Receipt:
    """What is said of one message.  Without `channel` it was seen before that it may be said, or we say it ourselves."""

    notification_id: uuid.UUID
    word: str
    provider: str
    request_id: str
    journey_id: str
    channel: Channel | None = None


def apply_receipt(notify: Notify, notification_id: uuid.UUID, word: str, *, provider: str, channel: Channel | None = None) -> Applied:
    """Move a message to where a provider's word leads, if it still waits for one.

    With `channel`, only if the message is of that channel and this provider took it: another's word is noted and changes nothing.
    """
    receipt = Receipt(notification_id, word, provider, trace.request_id(), trace.journey_id(), channel)

    def write(batch: Sequence[Receipt]) -> list[Applied]:
        return apply_many(notify, batch)

    return notify.grouped("receipts", write, gather_seconds=GATHER_SECONDS).put(receipt)


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
            elif (whose := _whose(notify, rows[receipt.notification_id], receipt)) is not _Whose.THE_TAKERS:
                applied.append(_set_aside(notify, tx, receipt, whose))
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


class _Whose(Enum):
    """Whose word a receipt is."""

    THE_TAKERS = auto()
    NOT_KNOWN_YET = auto()
    ANOTHERS = auto()


def _whose(notify: Notify, row: Row[Any], receipt: Receipt) -> _Whose:
    if receipt.channel is None:
        return _Whose.THE_TAKERS
    if receipt.channel != row.channel:
        return _Whose.ANOTHERS
    if row.provider is not None:
        return _Whose.THE_TAKERS if row.provider == receipt.provider else _Whose.ANOTHERS
    if not messages.may_have_left(row):
        return _Whose.ANOTHERS
    # It is in a worker's hands: of a sole provider we know that it is the one.
    return _Whose.THE_TAKERS if list(set_up(notify, receipt.channel)) == [receipt.provider] else _Whose.NOT_KNOWN_YET


def _set_aside(notify: Notify, tx: Transaction, receipt: Receipt, whose: _Whose) -> Applied:
    """Keep for later what cannot be judged yet; note what is not theirs to say, and answer as of a message that nobody knows."""
    about = {"notification_id": str(receipt.notification_id), "provider": receipt.provider, "channel": str(receipt.channel)}
    with trace.working_on(receipt.request_id, receipt.journey_id):
        if whose is _Whose.NOT_KNOWN_YET:
            word = from_receipt(receipt.word, Status.CREATED).value  # in our word: theirs may hold anything
            tx.enqueue(JOB, about | {"word": word}, due_at=notify.clock.now() + WAIT)
            return Applied.WAITING
        log.warning("receipt from another than who took the message", **about)
        actor, key = f"provider:{receipt.provider}", str(receipt.notification_id)
        tx.record(Event.RECEIPT_REFUSED, actor=actor, outcome="refused", object_id=key, channel="receipt")
    return Applied.UNKNOWN


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
    before, expired = notify.clock.now() - timedelta(hours=72), 0
    while expired < EXPIRED_MAX:
        with notify.reading() as tx:
            waiting = messages.find_unanswered(tx.connection, before, EXPIRED_AT_ONCE)
        if not waiting:
            break
        apply_many(notify, [Receipt(key, Status.TEMPORARY_FAILURE.value, "sweep", "", "") for key in waiting])
        expired += len(waiting)
    return expired
