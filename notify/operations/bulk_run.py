"""Hand on the rows of a bulk job: one chunk a run, each run in one transaction with the note of where to go on.

So a run that dies has done its chunk or has not, and none is done twice.  Where `BACKLOG_MAX` messages of a job wait to leave it waits
a moment, so that who sends one message does not stand behind who sends a hundred thousand.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, insert, select, update

from notify.context import Notify
from notify.errors import DailyLimitExceeded, Refusal
from notify.models.base import scope_of
from notify.models.bulk import BULK_STATES, BulkChunk, BulkError, BulkJob, BulkState
from notify.models.catalogue import KnownTemplate
from notify.models.notification import Notification
from notify.operations import checks
from notify.operations.authentication import Holder
from notify.operations.bulk import CHUNK_ROWS, RECIPIENTS, sent_now
from notify.operations.holders import holder_of
from notify.operations.intake import Kept, count, keep_in
from notify.operations.reminders import Wanted, keep_reminders, reminder_rows
from notify.operations.requests import SendBody
from notify.operations.sends import INTERNATIONAL, check_daily, kept_form, prepare
from notify.standards.email_address import InvalidEmailAddress, email_address
from notify.standards.mailbox_address import InvalidMailboxAddress, mailbox_address
from notify.standards.personalisation import same_key
from notify.standards.phone_number import InvalidPhoneNumber, phone_number
from notify.standards.reminder_times import COLUMNS, InvalidReminder, moments_ahead
from notify.standards.simulator import is_smoke
from notify.standards.statuses import Channel, Status
from shared.outbox import BULK
from shared.transaction import Transaction

BACKLOG_MAX = 1000
PAUSE_SECONDS = 1.0
PAUSED_WAIT_SECONDS = 300.0
REFERENCE_MAX = 1000

log = structlog.get_logger("andamio.notify.bulk")
# Any below is a row of all columns of a job.
_READERS = {"email": email_address, "mailbox": mailbox_address}


@dataclass(frozen=True)
class _Made:
    kept: list[Kept]
    reminders: list[list[dict[str, object]]]
    errors: list[tuple[int, list[str]]]


def run_bulk(notify: Notify, bulk_id: uuid.UUID, run: int) -> None:
    """Hand on the next chunk of a job and leave the next run in the outbox; leaves quietly when the job was stopped or taken over."""
    with notify.transaction() as tx:
        job = tx.connection.execute(select(BulkJob.__table__).where(BulkJob.id == bulk_id).with_for_update()).one_or_none()
        if job is None or job.run != run or job.state not in {BulkState.SCHEDULED, BulkState.IN_PROGRESS}:
            return
        again = {"bulk_id": str(bulk_id), "run": run}
        if job.state == BulkState.SCHEDULED:
            _move(notify, tx, job, BulkState.IN_PROGRESS)
            tx.enqueue("run_bulk", again, queue=BULK)
            return
        holder = holder_of(notify, job.service_id, job.api_key_id)
        template = notify.catalogue.find_version(job.service_id, job.template_id, job.template_version)
        if holder is None or template is None:
            _move(notify, tx, job, BulkState.ERROR)
            return
        if holder.service.mail_paused and job.channel == Channel.EMAIL and holder.key.kind != "test":
            tx.enqueue("run_bulk", again, due_at=notify.clock.now() + timedelta(seconds=PAUSED_WAIT_SECONDS), queue=BULK)
            return
        waiting = (Notification.bulk_id == bulk_id) & (Notification.status == Status.CREATED.value)
        if tx.connection.execute(select(func.count()).where(waiting)).scalar_one() >= BACKLOG_MAX:
            tx.enqueue("run_bulk", again, due_at=notify.clock.now() + timedelta(seconds=PAUSE_SECONDS), queue=BULK)
            return
        kept = _next_chunk(notify, tx, job, holder, template)
        if kept is None:
            return
    count(notify, kept)


def _next_chunk(notify: Notify, tx: Transaction, job: Any, holder: Holder, template: KnownTemplate) -> list[Kept] | None:
    own = (BulkChunk.bulk_id == job.id) & (BulkChunk.number == job.next_chunk)
    sealed = tx.connection.execute(select(BulkChunk.sealed).where(own)).scalar_one_or_none()
    if sealed is None:
        _move(notify, tx, job, BulkState.FINISHED)
        return None
    rows = json.loads(notify.cipher.decrypt(sealed, scope=scope_of(job.service_id)))
    if not _fits_today(notify, holder, job.channel, sent_now(job.columns, rows)):
        _move(notify, tx, job, BulkState.LIMITED)
        return None
    made = _make(notify, job, holder, template, rows)
    # Before its rows: the next are made while these are sent.
    tx.enqueue("run_bulk", {"bulk_id": str(job.id), "run": job.run}, queue=BULK)
    if made.kept:
        keep_in(tx, made.kept)
    if made.reminders:
        keep_reminders(tx, holder, [row for row_set in made.reminders for row in row_set])
    if made.errors:
        errors = [{"bulk_id": job.id, "row_number": number, "messages": texts} for number, texts in made.errors]
        tx.connection.execute(insert(BulkError), errors)
    failed, reminders = len(made.errors), len(made.reminders)
    tx.connection.execute(
        update(BulkJob)
        .where(BulkJob.id == job.id)
        .values(
            next_chunk=job.next_chunk + 1,
            messages=job.messages + len(rows) - failed - reminders,
            reminders=job.reminders + reminders,
            failed=job.failed + failed,
            updated_at=notify.clock.now(),
        )
    )
    tx.connection.execute(delete(BulkChunk).where(own))
    return made.kept


def _fits_today(notify: Notify, holder: Holder, channel: str, more: int) -> bool:
    if holder.key.kind == "test":
        return True
    try:
        check_daily(notify, holder, channel, _counted(notify, holder, channel), more)
    except DailyLimitExceeded:
        return False
    return True


def _counted(notify: Notify, holder: Holder, counter: str) -> int:
    return notify.limits.counts(str(holder.service.id), [counter], notify.clock.now())[0]


def _make(notify: Notify, job: Any, holder: Holder, template: KnownTemplate, rows: Sequence[Sequence[str]]) -> _Made:
    """Make what the rows say; texts to other countries beyond the day's allowance of those are faults of their rows."""
    made = _Made([], [], [])
    abroad = _counted(notify, holder, INTERNATIONAL) if job.channel == Channel.SMS else 0
    for offset, cells in enumerate(rows):
        number = job.next_chunk * CHUNK_ROWS + offset + 1
        try:
            kept = _message(notify, job, holder, template, number=number, cells=cells)
            if isinstance(kept, Kept) and INTERNATIONAL in kept.counters:
                check_daily(notify, holder, INTERNATIONAL, abroad)
                abroad += 1
        except InvalidReminder as fault:
            made.errors.append((number, [str(fault)]))
        except Refusal as refused:
            made.errors.append((number, [text[:1000] for text in refused.messages]))
        except (InvalidPhoneNumber, InvalidEmailAddress, InvalidMailboxAddress) as fault:
            made.errors.append((number, [f"{RECIPIENTS[job.channel]}: {fault}"]))
        except Exception as fault:
            # One row that breaks us is told as a row's fault, and the others go on.
            log.exception("row failed", bulk=str(job.id), row=number, error=type(fault).__name__)
            made.errors.append((number, ["The row could not be made into a message"]))
        else:
            if isinstance(kept, Kept):
                made.kept.append(kept)
            elif kept:
                made.reminders.append(kept)
    return made


def _message(
    notify: Notify, job: Any, holder: Holder, template: KnownTemplate, *, number: int, cells: Sequence[str]
) -> Kept | list[dict[str, object]] | None:
    """Give the message of one row, or its reminders where it names a date; None for a smoke recipient.

    Raises: Refusal, InvalidReminder, or what is wrong with the recipient.
    """
    values: dict[str, Any] = {}
    by_key: dict[str, str] = {}
    for name, cell in zip(job.columns, cells, strict=True):
        if name and cell:
            first = by_key.setdefault(same_key(name), name)
            # Columns of one name are a list.
            values[first] = cell if first not in values else [*([values[first]] if isinstance(values[first], str) else values[first]), cell]
    recipient = str(values.get(by_key.get(same_key(RECIPIENTS.get(job.channel, "")), ""), ""))
    if job.channel == Channel.SMS:
        phone_number(recipient, holder.service.rules.number_region)
    elif job.channel in _READERS:
        _READERS[job.channel](recipient)
    reference = values.get(by_key.get("reference", ""))
    body = SendBody(
        template_id=template.id,
        recipient=recipient,
        personalisation=values,
        reference=str(reference)[:REFERENCE_MAX] if reference else None,
        sender_id=job.sender_id,
    )
    prepared = prepare(notify, holder, job.channel, body, template)
    checks.check_size(job.channel, prepared.content)
    if is_smoke(prepared.recipient.matched):
        return None
    told = {name: str(values.get(by_key.get(same_key(name), ""), "")) for name in COLUMNS}
    ahead = moments_ahead(told, notify.zone, notify.clock.now())
    if ahead is not None:
        wanted = Wanted(template.id, ahead, recipient, values, body.reference, sender_id=body.sender_id)
        return reminder_rows(notify, holder, wanted, notify.ids.uuid7(), job.id)
    kept = replace(kept_form(notify, holder, notify.ids.uuid7(), body, prepared), queue=BULK)  # many at once go ahead of nobody
    kept.row.update({"bulk_id": job.id, "row_number": number})
    return kept


def _move(notify: Notify, tx: Transaction, job: Any, target: BulkState) -> None:
    action = BULK_STATES.check(BulkState(job.state), target)
    tx.connection.execute(update(BulkJob).where(BulkJob.id == job.id).values(state=target.value, updated_at=notify.clock.now()))
    tx.record(action, actor="notify", object_id=str(job.id), channel="job", data={"messages": job.messages, "failed": job.failed})
