"""Reminders ahead of a date, or while a mailbox message is unread: set, shown, cancelled, sent when due.  Spec: requirements NO-14.

A reminder is kept as it was asked for and goes through every check again when it is due, with the template as it is then.
"""

import json
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, delete, func, insert, select, tuple_, update

from notify.context import Notify
from notify.errors import DailyLimitExceeded, MessageNotValid, NotificationNotFound, RateLimitExceeded, Refusal, SendingPaused
from notify.events import Event
from notify.models.base import scope_of
from notify.models.catalogue import KnownTemplate
from notify.models.mailbox_message import MailboxMessage
from notify.models.reminder import REMINDERS, Reminder, ReminderState
from notify.operations import checks
from notify.operations.authentication import Holder
from notify.operations.holders import check_reach, holder_of
from notify.operations.intake import work_ids
from notify.operations.once import Once
from notify.operations.person_sends import PersonBody, check_person, person_json, person_of, send_to_person
from notify.operations.requests import SendBody
from notify.operations.sends import accept, prepare
from shared import trace
from shared.tasks import ALWAYS_PASSING
from shared.transaction import Transaction

log = structlog.get_logger("andamio.notify.reminders")
SENT_AT_ONCE = 200
ROUNDS_MAX = 15  # with SENT_AT_ONCE as many a minute as a service may send, unless it was given more
LISTED_MAX = 250
KEPT = timedelta(days=30)
# Taken by one worker for so long; a worker that dies leaves them to another.
HELD = timedelta(minutes=5)


@dataclass(frozen=True)
class Wanted:
    """Whom to remind of what, at each of `moments`; with `unread_id` only while that mailbox message is unread.

    With `person` it goes the way that person wants on the day, by the template of that channel; `template_id` is one of them.
    """

    template_id: uuid.UUID
    moments: Sequence[datetime]
    recipient: str = field(default="", repr=False)
    personalisation: dict[str, object] = field(default_factory=dict, repr=False)
    reference: str | None = None
    unread_id: uuid.UUID | None = None
    person: PersonBody | None = None
    sender_id: uuid.UUID | None = None


@dataclass(frozen=True)
class ReminderShown:
    """One reminder; `set_id` joins those of one request."""

    id: uuid.UUID
    set_id: uuid.UUID
    template_id: uuid.UUID
    due_at: datetime
    state: ReminderState
    notification_id: uuid.UUID | None
    fault: str
    to: str = field(repr=False)


def set_reminders(notify: Notify, holder: Holder, wanted: Wanted, once: Once | None = None) -> list[ReminderShown]:
    """Keep reminders, checked as if they were sent now.  Raises: MessageNotValid when none lies ahead, else as a send."""
    if once and (earlier := once.find(notify)):
        return get_set(notify, holder.service.id, uuid.UUID(earlier["set_id"]))
    now, set_id = notify.clock.now(), notify.ids.uuid7()
    ahead = [moment for moment in wanted.moments if moment > now]
    if not ahead:
        raise MessageNotValid("date leaves no moment that is still to come")
    if wanted.person is not None:
        check_person(notify, holder, wanted.person)
    else:
        template = _template(notify, holder, wanted.template_id)
        prepare(notify, holder, template.channel, _body(wanted))
    if wanted.unread_id is not None:
        _check_own_mailbox(notify, holder, wanted.unread_id)
    rows = reminder_rows(notify, holder, replace(wanted, moments=ahead), set_id)
    with notify.transaction() as tx:
        if once and (earlier := once.claim(notify, tx.connection, {"set_id": str(set_id)})):
            set_id = uuid.UUID(earlier["set_id"])
        else:
            keep_reminders(tx, holder, rows)
    return get_set(notify, holder.service.id, set_id)


def reminder_rows(
    notify: Notify, holder: Holder, wanted: Wanted, set_id: uuid.UUID, bulk_id: uuid.UUID | None = None
) -> list[dict[str, object]]:
    """Give the rows of a set that was checked, one for each moment."""
    scope, (request_id, journey_id) = scope_of(holder.service.id), work_ids()
    kept: dict[str, Any] = {"recipient": wanted.recipient, "personalisation": wanted.personalisation, "reference": wanted.reference}
    if wanted.sender_id is not None:
        kept["sender_id"] = str(wanted.sender_id)
    if wanted.person is not None:
        kept = {"recipient": wanted.person.person, "person": person_json(wanted.person)}
    return [
        {
            "id": notify.ids.uuid7(),
            "set_id": set_id,
            "service_id": holder.service.id,
            "api_key_id": holder.key.id,
            "bulk_id": bulk_id,
            "template_id": wanted.template_id,
            "sealed": notify.cipher.encrypt(json.dumps(kept), scope=scope),
            "due_at": moment,
            "unread_id": wanted.unread_id,
            "state": ReminderState.WAITING.value,
            "request_id": request_id,
            "journey_id": journey_id,
            "created_at": notify.clock.now(),
        }
        for moment in wanted.moments
    ]


def keep_reminders(tx: Transaction, holder: Holder, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the rows of one or more sets, each set with its audit row."""
    tx.connection.execute(insert(Reminder), rows)
    for (set_id, template_id), count in Counter((row["set_id"], row["template_id"]) for row in rows).items():
        data: dict[str, str | int | bool | list[str]] = {"template": str(template_id), "count": count}
        tx.record(Event.REMINDERS_SET, actor=holder.named, object_id=str(set_id), data=data)


def waiting_of_bulks(connection: Connection, bulk_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Count what still waits of the reminders that jobs' rows set."""
    own = Reminder.bulk_id.in_(bulk_ids) & (Reminder.state == ReminderState.WAITING.value)
    counted = connection.execute(select(Reminder.bulk_id, func.count()).where(own).group_by(Reminder.bulk_id)).all()
    return {bulk_id: number for bulk_id, number in counted if bulk_id is not None}


def cancel_of_bulk(tx: Transaction, bulk_id: uuid.UUID, *, actor: str) -> int:
    """Cancel what still waits of the reminders that a job's rows set; give how many."""
    own = (Reminder.bulk_id == bulk_id) & (Reminder.state == ReminderState.WAITING.value)
    action = REMINDERS.check(ReminderState.WAITING, ReminderState.CANCELLED)
    cancelled = tx.connection.execute(update(Reminder).where(own).values(state=ReminderState.CANCELLED.value)).rowcount
    if cancelled:
        tx.record(action, actor=actor, object_id=str(bulk_id), data={"count": cancelled})
    return cancelled


def get_set(notify: Notify, service_id: uuid.UUID, set_id: uuid.UUID) -> list[ReminderShown]:
    """Give the reminders of one request, the earliest first.  Raises: NotificationNotFound."""
    own = (Reminder.service_id == service_id) & (Reminder.set_id == set_id)
    with notify.reading() as tx:
        rows = tx.connection.execute(select(Reminder.__table__).where(own).order_by(Reminder.due_at)).all()
    if not rows:
        raise NotificationNotFound
    return [_shown(notify, row) for row in rows]


@dataclass(frozen=True)
class RemindersPage:
    """Reminders that wait, the next first; `next_after` is the reminder that the next page starts after, None at the end."""

    reminders: list[ReminderShown]
    next_after: uuid.UUID | None


def list_reminders(notify: Notify, service_id: uuid.UUID, after: uuid.UUID | None = None) -> RemindersPage:
    """Give a page of a service's reminders that wait.  Raises: NotificationNotFound for a page after none of its own."""
    own = Reminder.service_id == service_id
    wanted = select(Reminder.__table__).where(own, Reminder.state == ReminderState.WAITING.value)
    with notify.reading() as tx:
        if after is not None:
            edge = tx.connection.execute(select(Reminder.due_at, Reminder.id).where(own, Reminder.id == after)).one_or_none()
            if edge is None:
                raise NotificationNotFound
            wanted = wanted.where(tuple_(Reminder.due_at, Reminder.id) > tuple_(*edge))
        rows = tx.connection.execute(wanted.order_by(Reminder.due_at, Reminder.id).limit(LISTED_MAX + 1)).all()
    follows = rows[LISTED_MAX - 1].id if len(rows) > LISTED_MAX else None
    return RemindersPage([_shown(notify, row) for row in rows[:LISTED_MAX]], follows)


def cancel_set(
    notify: Notify, service_id: uuid.UUID, set_id: uuid.UUID, *, actor: str, channel: str = "api", holder: Holder | None = None
) -> list[ReminderShown]:
    """Cancel what of a request still waits; again is harmless.  Raises: NotificationNotFound, KeyNotAllowed."""
    own = (Reminder.service_id == service_id) & (Reminder.set_id == set_id) & (Reminder.state == ReminderState.WAITING.value)
    action = REMINDERS.check(ReminderState.WAITING, ReminderState.CANCELLED)
    with notify.transaction() as tx:
        if holder:
            for key_id in tx.connection.execute(select(Reminder.api_key_id).where(own).distinct()).scalars():
                check_reach(holder, key_id)
        cancelled = tx.connection.execute(update(Reminder).where(own).values(state=ReminderState.CANCELLED.value)).rowcount
        if cancelled:
            tx.record(action, actor=actor, object_id=str(set_id), channel=channel, data={"count": cancelled})
    return get_set(notify, service_id, set_id)


def send_due_reminders(notify: Notify) -> int:
    """Send what is due, at most `ROUNDS_MAX` rounds; give how many left.  A reminder is sent once, whatever dies meanwhile."""
    with notify.transaction() as tx:
        old = Reminder.state != ReminderState.WAITING.value
        tx.forget(delete(Reminder).where(old, Reminder.due_at < notify.clock.now() - KEPT))
    sent = 0
    for _ in range(ROUNDS_MAX):
        rows = _take_due(notify)
        for row in rows:
            with trace.going_on(row.request_id, row.journey_id):
                sent += _send(notify, row)
        if len(rows) < SENT_AT_ONCE:
            break
    return sent


def _take_due(notify: Notify) -> Sequence[Row[Any]]:
    now = notify.clock.now()
    with notify.transaction() as tx:
        due = select(Reminder.__table__).where(Reminder.state == ReminderState.WAITING.value, Reminder.due_at <= now)
        rows = tx.connection.execute(due.order_by(Reminder.due_at).limit(SENT_AT_ONCE).with_for_update(skip_locked=True)).all()
        held = update(Reminder).where(Reminder.id.in_([row.id for row in rows]))
        tx.connection.execute(held.values(due_at=now + HELD))
    return rows


def _send(notify: Notify, row: Row[Any]) -> bool:
    holder = holder_of(notify, row.service_id, row.api_key_id)
    if holder is None:
        return _end(notify, row, ReminderState.REFUSED, fault="the key was revoked, or the service closed")
    if row.unread_id is not None and not _is_unread(notify, row.unread_id):
        return _end(notify, row, ReminderState.NOT_NEEDED)
    try:
        kept = json.loads(notify.cipher.decrypt(row.sealed, scope=scope_of(row.service_id)))
        once = Once(row.service_id, "/reminders", str(row.id), "")
        if "person" in kept:
            made = send_to_person(notify, holder, person_of(kept["person"]), once)
        else:
            template = _template(notify, holder, row.template_id)
            sender = uuid.UUID(kept["sender_id"]) if "sender_id" in kept else None
            body = SendBody(template_id=row.template_id, **kept | {"sender_id": sender})
            made = accept(notify, holder, template.channel, lambda: body, once)
    except (RateLimitExceeded, DailyLimitExceeded, SendingPaused) as later:
        log.info("reminder waits", reminder=str(row.id), why=later.slug)
        return False  # tried again when it is no longer held
    except Refusal as refused:
        return _end(notify, row, ReminderState.REFUSED, fault=refused.messages[0])
    except ALWAYS_PASSING:
        raise
    except Exception as fault:
        # One that breaks us, such as a number that cannot be read any more, is told as its own fault, and the others go.
        log.exception("reminder failed", reminder=str(row.id), error=type(fault).__name__)
        return _end(notify, row, ReminderState.REFUSED, fault="the reminder could not be made into a message")
    _end(notify, row, ReminderState.SENT, notification_id=made.id)
    return True


def _end(notify: Notify, row: Row[Any], target: ReminderState, *, notification_id: uuid.UUID | None = None, fault: str = "") -> bool:
    action = REMINDERS.check(ReminderState.WAITING, target)
    with notify.transaction() as tx:
        own = (Reminder.id == row.id) & (Reminder.state == ReminderState.WAITING.value)
        changed = {"state": target.value, "notification_id": notification_id, "fault": fault[:200], "due_at": row.due_at}
        if tx.connection.execute(update(Reminder).where(own).values(changed)).rowcount:
            tx.record(action, actor="notify", object_id=str(row.set_id), channel="job", data={"reminder": str(row.id)})
    return False


def _template(notify: Notify, holder: Holder, template_id: uuid.UUID) -> KnownTemplate:
    """Give the service's own live template, of whatever channel.  Raises: MessageRefused."""
    known = notify.catalogue.find_template(holder.service.id, template_id)
    return checks.get_template(notify, holder, template_id, known.channel if known else "")


def _body(wanted: Wanted) -> SendBody:
    return SendBody(
        template_id=wanted.template_id, recipient=wanted.recipient, personalisation=wanted.personalisation, reference=wanted.reference
    )


def _check_own_mailbox(notify: Notify, holder: Holder, message_id: uuid.UUID) -> None:
    own = (MailboxMessage.notification_id == message_id) & (MailboxMessage.service_id == holder.service.id)
    with notify.reading() as tx:
        if not _exists(tx, own):
            raise MessageNotValid("unread_id is not a mailbox message of this service")


def _is_unread(notify: Notify, message_id: uuid.UUID) -> bool:
    with notify.reading() as tx:
        return _exists(tx, (MailboxMessage.notification_id == message_id) & MailboxMessage.read_at.is_(None))


def _exists(tx: Transaction, condition: Any) -> bool:  # a condition of the mailbox's table
    return tx.connection.execute(select(MailboxMessage.notification_id).where(condition)).first() is not None


def _shown(notify: Notify, row: Row[Any]) -> ReminderShown:
    kept = json.loads(notify.cipher.decrypt(row.sealed, scope=scope_of(row.service_id)))
    return ReminderShown(
        row.id, row.set_id, row.template_id, row.due_at, ReminderState(row.state), row.notification_id, row.fault, kept["recipient"]
    )
