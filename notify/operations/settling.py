"""Note what became of tries: statuses, audit rows, calls to services and next tries of many messages in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from notify.context import Notify
from notify.events import Event
from notify.models import messages
from notify.models.notification import STATUSES
from notify.operations.callbacks import callback_of, enqueue_callbacks
from notify.operations.mail_reports import remember
from notify.providers.base import HandOver
from notify.standards.mail_reports import Kind, MailReport
from notify.standards.statuses import Status
from shared import trace
from shared.transaction import Transaction

Retry = tuple[str, dict[str, object], float]
"""A job, its payload, and in how many seconds."""


@dataclass(frozen=True)
class Outcome:
    """What one try led to.  Without a status only the claim ends; `receipt` is what a simulated provider says at once.

    With `was_held_back` it was none: nobody was asked.  `refused_with` is the code with which a relay refused the recipient at once.
    """

    row: Row[Any]
    status: Status | None = None
    done: HandOver | None = None
    units: int | None = None
    receipt: Status | None = None
    retry: Retry | None = None
    was_held_back: bool = False
    refused_with: str = ""
    request_id: str = ""
    journey_id: str = ""


def settle(notify: Notify, outcomes: Sequence[Outcome]) -> None:
    """Note outcomes.  Where a receipt came first, only what we know besides is added."""
    now = notify.clock.now()
    with notify.transaction() as tx:
        present = messages.lock_statuses(tx.connection, [each.row.id for each in outcomes])
        changes: list[dict[str, object]] = []
        calls: list[dict[str, str] | None] = []
        for each in outcomes:
            if each.row.id not in present:
                continue  # its retention has ended meanwhile
            change: dict[str, object] = {"id": each.row.id}
            if each.was_held_back:
                change["no_tries"] = 1  # the one that the claim counted
            if each.done is not None:
                change |= {"sent_at": now, "provider": each.done.provider, "provider_reference": each.done.provider_reference}
                change["billable_units"] = each.units
            if each.status is not None and present[each.row.id] is Status.CREATED:
                with trace.working_on(each.request_id, each.journey_id):
                    ended = _moved(tx, each, each.status)
                change["status"] = ended.value
                if each.refused_with:
                    _remember_refused(notify, tx, each)
                calls.append(callback_of(notify, each.row, ended))
            changes.append(change)
            if each.retry is not None:
                job, payload, seconds = each.retry
                tx.enqueue(job, payload, due_at=now + timedelta(seconds=seconds), queue=messages.queue_of(each.row))
        messages.apply_many(tx.connection, changes, now)
        enqueue_callbacks(tx, calls)


def _remember_refused(notify: Notify, tx: Transaction, each: Outcome) -> None:
    """Take a relay's no for what a report of it would say later."""
    report = MailReport(each.row.id, Kind.FAILED, each.refused_with)
    remember(notify, tx, messages.open_row(each.row, notify.cipher), report, actor="notify")


def _moved(tx: Transaction, each: Outcome, target: Status) -> Status:
    """Record the moves of one message and give the status it ends in."""
    action = STATUSES.check(Status.CREATED, target)
    provider = each.done.provider if each.done else ""
    if each.done is not None:
        _record(tx, each.row, Event.HANDED_OVER, provider, Status.SENDING)
    if target not in {Status.SENDING, Status.SENT}:
        _record(tx, each.row, action, provider, target)
    if each.receipt is not None:
        _record(tx, each.row, STATUSES.check(target, each.receipt), provider, each.receipt)
        target = each.receipt
    return target


def _record(tx: Transaction, row: Row[Any], action: Event, provider: str, target: Status) -> None:
    data = {"channel": row.channel, "status": target.value, "attempts": row.attempts}
    tx.record(action, actor=f"provider:{provider}" if provider else "notify", object_id=str(row.id), channel="job", data=data)
