"""Many messages from one template: take the rows, look after the job, stop it and let it go on.  Ours, beside the contract.

A job hands on its rows chunk by chunk (operations/bulk_run.py).  Spec: notify-api §20 (jobs); docs/notify/bulk.md.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, tuple_, update

from notify.context import Notify
from notify.errors import BulkNotPossible, MessageNotValid, MessageRefused, NotificationNotFound
from notify.events import Event
from notify.models.base import scope_of
from notify.models.bulk import BULK_STATES, BulkChunk, BulkError, BulkJob, BulkState
from notify.models.notification import Notification
from notify.operations import checks
from notify.operations.authentication import Holder
from notify.operations.cancelling import cancel_all, give_back
from notify.operations.holders import check_reach
from notify.operations.once import Once
from notify.operations.reminders import cancel_of_bulk, waiting_of_bulks
from notify.operations.sends import check_daily
from notify.standards.csv_rows import Sheet
from notify.standards.personalisation import placeholders, same_key
from notify.standards.postal_address import LINE_KEYS
from notify.standards.reminder_times import DATE
from notify.standards.statuses import Channel, Status
from shared.outbox import BULK
from shared.transaction import Transaction

CHUNK_ROWS = 200
LIST_SIZE = 100
ERRORS_SIZE = 1000
RECIPIENTS = {"sms": "phone number", "email": "email address", "mailbox": "recipient"}


@dataclass(frozen=True)
class BulkBody:
    """A job as asked for."""

    template_id: uuid.UUID
    sheet: Sheet = field(repr=False)
    name: str = ""
    sender_id: uuid.UUID | None = None
    scheduled_for: datetime | None = None


@dataclass(frozen=True)
class BulkShown:
    """A job as its service sees it; `statuses` counts its messages, `reminders` the rows that became such ahead of a date."""

    id: uuid.UUID
    name: str
    channel: str
    template_id: uuid.UUID
    template_version: int
    state: BulkState
    total: int
    messages: int
    failed: int
    reminders: int
    reminders_waiting: int
    statuses: dict[str, int]
    scheduled_for: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class BulkPage:
    """A page of jobs, and whether older ones follow."""

    jobs: list[BulkShown]
    more: bool


def create_bulk(notify: Notify, holder: Holder, read_body: Callable[[], BulkBody], once: Once | None = None) -> BulkShown:
    """Take a job; its rows are looked at one by one while it runs.  Raises: the kinds of notify.errors."""
    if once and (earlier := once.find(notify)):
        return get_bulk(notify, holder.service.id, uuid.UUID(earlier["id"]))
    body = read_body()
    template = notify.catalogue.find_template(holder.service.id, body.template_id)
    if template is None:
        raise MessageRefused("Template not found")
    channel = Channel(template.channel)
    checks.check_channel(holder, channel)
    checks.get_template(notify, holder, body.template_id, channel)
    if channel == Channel.LETTER:
        checks.check_letter(holder)
    checks.choose_sender(holder, channel, body.sender_id)
    words = placeholders(template.subject or "", template.body, template.contact_block or "")
    _check_columns(body.sheet, channel, words)
    total = len(body.sheet.rows)
    if holder.key.kind != "test":
        counts = notify.limits.counts(str(holder.service.id), [channel], notify.clock.now())
        check_daily(notify, holder, channel, counts[0], sent_now(body.sheet.columns, body.sheet.rows))
    now, bulk_id = notify.clock.now(), notify.ids.uuid7()
    state = BulkState.SCHEDULED if body.scheduled_for else BulkState.IN_PROGRESS
    row = {
        "id": bulk_id,
        "service_id": holder.service.id,
        "api_key_id": holder.key.id,
        "name": body.name or template.name,
        "channel": channel.value,
        "template_id": template.id,
        "template_version": template.version,
        "sender_id": body.sender_id,
        "columns": [name[:255] for name in body.sheet.columns],
        "state": state.value,
        "total": total,
        "scheduled_for": body.scheduled_for,
        "created_at": now,
        "updated_at": now,
    }
    with notify.transaction() as tx:
        if once and (earlier := once.claim(notify, tx.connection, {"id": str(bulk_id)})):
            return get_bulk(notify, holder.service.id, uuid.UUID(earlier["id"]))
        tx.connection.execute(insert(BulkJob), row)
        tx.connection.execute(insert(BulkChunk), _chunks(notify, holder, bulk_id, body.sheet))
        tx.enqueue("run_bulk", {"bulk_id": str(bulk_id), "run": 0}, due_at=body.scheduled_for, queue=BULK)
        tx.record(
            Event.BULK_ACCEPTED,
            actor=holder.named,
            object_id=str(bulk_id),
            data={"channel": channel.value, "template": str(template.id), "rows": total},
        )
    return get_bulk(notify, holder.service.id, bulk_id)


def sent_now(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Count the rows that are messages at once: those that do not name a date to remind of."""
    dates = [at for at, name in enumerate(columns) if same_key(name) == same_key(DATE)]
    return sum(1 for row in rows if not any(row[at] for at in dates))


def _chunks(notify: Notify, holder: Holder, bulk_id: uuid.UUID, sheet: Sheet) -> list[dict[str, object]]:
    scope = scope_of(holder.service.id)
    parts = (sheet.rows[begin : begin + CHUNK_ROWS] for begin in range(0, len(sheet.rows), CHUNK_ROWS))
    return [
        {"bulk_id": bulk_id, "number": number, "sealed": notify.cipher.encrypt(json.dumps(rows), scope=scope)}
        for number, rows in enumerate(parts)
    ]


def _check_columns(sheet: Sheet, channel: Channel, words: list[str]) -> None:
    """Raises: MessageNotValid when no row could ever be a message."""
    given = {same_key(name) for name in sheet.columns}
    wanted = list(words)
    if channel in RECIPIENTS:
        wanted.insert(0, RECIPIENTS[channel])
    elif not given & {same_key(name) for name in (*LINE_KEYS, "postcode")}:
        wanted.insert(0, LINE_KEYS[0])
    if absent := [name for name in wanted if same_key(name) not in given]:
        raise MessageNotValid(f"rows Missing column headers: {', '.join(dict.fromkeys(absent))}")


def get_bulk(notify: Notify, service_id: uuid.UUID, bulk_id: uuid.UUID) -> BulkShown:
    """Give a service's own job.  Raises: NotificationNotFound."""
    own = (BulkJob.id == bulk_id) & (BulkJob.service_id == service_id)
    with notify.reading() as tx:
        job = tx.connection.execute(select(BulkJob.__table__).where(own)).one_or_none()
        if job is None:
            raise NotificationNotFound
        counted = select(Notification.status, func.count()).where(Notification.bulk_id == bulk_id).group_by(Notification.status)
        statuses = {row[0]: row[1] for row in tx.connection.execute(counted)}
        waiting = waiting_of_bulks(tx.connection, [bulk_id]) if job.reminders else {}
    return _shown(job, statuses, waiting)


def list_bulks(notify: Notify, service_id: uuid.UUID, older_than: uuid.UUID | None = None) -> BulkPage:
    """Give a page of a service's jobs, newest first, without the statuses of their messages; after an unknown id an empty one."""
    own = BulkJob.service_id == service_id
    wanted = select(BulkJob.__table__).where(own)
    with notify.reading() as tx:
        if older_than is not None:
            edge = tx.connection.execute(select(BulkJob.created_at, BulkJob.id).where(own, BulkJob.id == older_than)).one_or_none()
            if edge is None:
                return BulkPage([], more=False)
            wanted = wanted.where(tuple_(BulkJob.created_at, BulkJob.id) < tuple_(*edge))
        rows = tx.connection.execute(wanted.order_by(BulkJob.created_at.desc(), BulkJob.id.desc()).limit(LIST_SIZE + 1)).all()
        waiting = waiting_of_bulks(tx.connection, [row.id for row in rows if row.reminders])
    return BulkPage([_shown(row, {}, waiting) for row in rows[:LIST_SIZE]], more=len(rows) > LIST_SIZE)


def list_errors(
    notify: Notify, service_id: uuid.UUID, bulk_id: uuid.UUID, after: int, *, size: int = ERRORS_SIZE
) -> list[tuple[int, list[str]]]:
    """Give rows that made no message, from the first after a row number.  Raises: NotificationNotFound."""
    get_bulk(notify, service_id, bulk_id)
    wanted = select(BulkError.row_number, BulkError.messages).where(BulkError.bulk_id == bulk_id, BulkError.row_number > after)
    with notify.reading() as tx:
        rows = tx.connection.execute(wanted.order_by(BulkError.row_number).limit(size))
        return [(row.row_number, list(row.messages)) for row in rows]


def cancel_bulk(notify: Notify, service_id: uuid.UUID, bulk_id: uuid.UUID, *, actor: str, holder: Holder | None = None) -> BulkShown:
    """Stop a job, and what of it has not left; of one that is finished, its reminders.  Twice is as good as once.

    Raises: NotificationNotFound, BulkNotPossible, KeyNotAllowed.
    """
    cancelled: Sequence[Row[Any]] = ()
    with notify.transaction() as tx:
        row = _locked(tx, service_id, bulk_id, holder)
        if row.reminders:
            cancel_of_bulk(tx, bulk_id, actor=actor)
        if row.state != BulkState.CANCELLED and not (row.state == BulkState.FINISHED and row.reminders):
            _move(notify, tx, row, BulkState.CANCELLED, actor)
            mine = (Notification.bulk_id == bulk_id) & (Notification.status == Status.CREATED.value)
            not_offered = Notification.claimed_until.is_(None) & Notification.provider.is_(None)
            waiting = select(Notification.__table__).where(mine, not_offered).order_by(Notification.id)
            cancelled = tx.connection.execute(waiting.with_for_update(skip_locked=True)).all()
            cancel_all(notify, tx, cancelled, actor=actor)
    give_back(notify, cancelled)
    return get_bulk(notify, service_id, bulk_id)


def resume_bulk(notify: Notify, service_id: uuid.UUID, bulk_id: uuid.UUID, *, actor: str, holder: Holder | None = None) -> BulkShown:
    """Let a stopped job go on with the rows that are not messages yet, at its moment where that is still to come.

    Raises: NotificationNotFound, BulkNotPossible, KeyNotAllowed.
    """
    with notify.transaction() as tx:
        row = _locked(tx, service_id, bulk_id, holder)
        if row.state not in {BulkState.IN_PROGRESS, BulkState.SCHEDULED}:
            is_early = row.scheduled_for is not None and row.scheduled_for > notify.clock.now()
            _move(notify, tx, row, BulkState.SCHEDULED if is_early else BulkState.IN_PROGRESS, actor)
            tx.connection.execute(update(BulkJob).where(BulkJob.id == bulk_id).values(run=row.run + 1))
            due_at = row.scheduled_for if is_early else None
            tx.enqueue("run_bulk", {"bulk_id": str(bulk_id), "run": row.run + 1}, due_at=due_at, queue=BULK)
    return get_bulk(notify, service_id, bulk_id)


def _locked(tx: Transaction, service_id: uuid.UUID, bulk_id: uuid.UUID, holder: Holder | None) -> Any:  # a row of all columns
    own = (BulkJob.id == bulk_id) & (BulkJob.service_id == service_id)
    row = tx.connection.execute(select(BulkJob.__table__).where(own).with_for_update()).one_or_none()
    if row is None:
        raise NotificationNotFound
    if holder:
        check_reach(holder, row.api_key_id)
    return row


def _move(notify: Notify, tx: Transaction, row: Any, target: BulkState, actor: str) -> None:  # a row of all columns
    present = BulkState(row.state)
    if not BULK_STATES.allows(present, target):
        raise BulkNotPossible(f"A job that is {present} cannot become {target}")
    now = notify.clock.now()
    tx.connection.execute(update(BulkJob).where(BulkJob.id == row.id).values(state=target.value, updated_at=now))
    tx.record(BULK_STATES.check(present, target), actor=actor, object_id=str(row.id), data={"messages": row.messages})


def _shown(row: Any, statuses: dict[str, int], waiting: Mapping[uuid.UUID, int]) -> BulkShown:  # a row of all columns
    names = ("id", "name", "channel", "template_id", "template_version", "total", "messages", "failed", "reminders")
    times = {name: getattr(row, name) for name in ("scheduled_for", "created_at", "updated_at")}
    same = {name: getattr(row, name) for name in names}
    return BulkShown(**same, state=BulkState(row.state), statuses=statuses, reminders_waiting=waiting.get(row.id, 0), **times)
