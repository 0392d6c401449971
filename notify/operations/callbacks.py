"""Tell a service what became of its messages, and what came for it: signed, tried again, logged, replayed.  Spec: notify-api §18."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.models import messages
from notify.models.base import scope_of
from notify.models.callback import CallbackAttempt, CallbackCall, ServiceCallback
from notify.models.messages import Message
from notify.standards.statuses import COMPLETED, Status, shown
from notify.standards.webhook_signature import signed_headers
from notify.standards.wire_time import wire_time
from shared.context import Transaction
from shared.http import OutboundError, OutboundRefused
from shared.tasks import ALWAYS_PASSING, RetryLater, wait_seconds

log = structlog.get_logger("andamio.notify.callbacks")
DELIVERY_STATUS, INBOUND_SMS, COMPLAINT, RETURNED_LETTER = "delivery_status", "inbound_sms", "complaint", "returned_letter"
TIMEOUT_SECONDS = 5
RETRY_SECONDS = 300
ATTEMPTS_MAX = 6
JOB_CALLS_MAX = 24
_TOO_MANY = 429
_TOLD = COMPLETED | {Status.PENDING, Status.VIRUS_SCAN_FAILED}


class Told(StrEnum):
    """What became of a call to a service."""

    WAITING = "waiting"
    TAKEN = "taken"
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    NOBODY = "nobody"


@dataclass(frozen=True)
class News:
    """What a service is told: of which kind, about what, in which words."""

    service_id: uuid.UUID
    kind: str
    object_id: uuid.UUID
    body: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True)
class Reached:
    """What one try met: the status that came back, or 0 and the kind of fault."""

    status: int
    fault: str
    milliseconds: int

    @property
    def passes(self) -> bool:
        """True where the same call may work later."""
        not_reached = bool(self.fault) and self.fault != OutboundRefused.__name__
        return not_reached or self.status >= 500 or self.status == _TOO_MANY


def callback_of(notify: Notify, row: Row[Any], status: Status) -> dict[str, str] | None:
    """Give what a job needs to tell a service of its message, if it wants to be told: of every end, and of news to come."""
    service = notify.catalogue.find_service(row.service_id)
    if service is None or DELIVERY_STATUS not in service.callbacks or status not in _TOLD:
        return None
    at = notify.clock.now().isoformat()
    return {"event_id": str(notify.ids.uuid7()), "notification_id": str(row.id), "status": status.value, "at": at}


def enqueue_callbacks(tx: Transaction, calls: Sequence[dict[str, str] | None]) -> None:
    """Leave calls in the outbox, several to a job: a service that is told much is told fast."""
    wanted = [call for call in calls if call is not None]
    for begin in range(0, len(wanted), JOB_CALLS_MAX):
        some = wanted[begin : begin + JOB_CALLS_MAX]
        if len(some) == 1:
            tx.enqueue("tell_service", some[0])
        else:
            tx.enqueue("tell_services", {"calls": some})


def tell_services(notify: Notify, calls: Sequence[dict[str, str]]) -> None:
    """Make several calls at the same time; one that must wait, or fails, gets a job of its own."""
    with ThreadPoolExecutor(max(1, min(notify.settings.delivery_threads, len(calls))), thread_name_prefix="tell") as pool:
        waits = list(pool.map(lambda call: _tell_one(notify, call), calls))
    now = notify.clock.now()
    with notify.transaction() as tx:
        for call, seconds in zip(calls, waits, strict=True):
            if seconds is not None:
                tx.enqueue("tell_service", call, due_at=now + timedelta(seconds=seconds))


def _tell_one(notify: Notify, call: dict[str, str]) -> float | None:
    """Make one call of several; give in how many seconds to make it again, None when it is done."""
    try:
        tell_service(notify, call)
    except RetryLater as later:
        return later.seconds
    except ALWAYS_PASSING:
        return wait_seconds(2)
    except Exception as fault:
        # Alone in a job it fails where people see it, and the others go on.
        log.exception("call failed", event=call["event_id"], error=type(fault).__name__)
        return 1.0
    return None


def enqueue_event(notify: Notify, tx: Transaction, news: News) -> None:
    """Leave a call about something else in the outbox, if the service wants to be told of its kind."""
    service = notify.catalogue.find_service(news.service_id)
    if service and news.kind in service.callbacks:
        event_id = notify.ids.uuid7()
        _keep(notify, tx, event_id, news)
        tx.enqueue("tell_service", {"event_id": str(event_id)})


def tell_service(notify: Notify, payload: Mapping[str, str]) -> Told:
    """Make one call.  Raises: RetryLater when the service did not answer, or answered 5xx or 429."""
    call = _call(notify, payload)
    if call is None:
        return Told.NOBODY
    if call.state == Told.GIVEN_UP:
        return Told.GIVEN_UP
    with notify.reading() as tx:
        wanted = select(ServiceCallback.__table__).where(ServiceCallback.service_id == call.service_id, ServiceCallback.kind == call.kind)
        callback = tx.connection.execute(wanted).one_or_none()
    if callback is None:
        return Told.NOBODY
    reached = _reach(notify, call, callback)
    told = Told.TAKEN if 200 <= reached.status < 300 else Told.WAITING if reached.passes else Told.REFUSED
    if told is Told.WAITING and call.attempts + 1 >= ATTEMPTS_MAX:
        told = Told.GIVEN_UP
    _note(notify, call, reached, told)
    if told in {Told.WAITING, Told.GIVEN_UP}:
        raise RetryLater(RETRY_SECONDS, reached.fault or f"answered {reached.status}")
    return told


def _call(notify: Notify, payload: Mapping[str, str]) -> Row[Any] | None:
    """Give the call a job is for, kept at its first try; a row of an earlier release names no event."""
    event_id = uuid.UUID(payload.get("event_id") or str(uuid.uuid5(uuid.UUID(payload["notification_id"]), payload["at"])))
    with notify.transaction() as tx:
        found = tx.connection.execute(select(CallbackCall.__table__).where(CallbackCall.id == event_id)).one_or_none()
        if found is None and "notification_id" in payload:
            row = messages.find_row(tx.connection, uuid.UUID(payload["notification_id"]))
            if row is None:
                return None
            body = delivery_status(messages.open_row(row, notify.cipher), Status(payload["status"]), datetime.fromisoformat(payload["at"]))
            _keep(notify, tx, event_id, News(row.service_id, DELIVERY_STATUS, row.id, body))
            found = tx.connection.execute(select(CallbackCall.__table__).where(CallbackCall.id == event_id)).one()
    return found


def _keep(notify: Notify, tx: Transaction, event_id: uuid.UUID, news: News) -> None:
    row = {
        "id": event_id,
        "service_id": news.service_id,
        "kind": news.kind,
        "object_id": news.object_id,
        "sealed": notify.cipher.encrypt(json.dumps(news.body), scope=scope_of(news.service_id)),
        "state": Told.WAITING.value,
        "attempts": 0,
        "created_at": notify.clock.now(),
    }
    tx.connection.execute(insert(CallbackCall).values(row).on_conflict_do_nothing())


def _reach(notify: Notify, call: Row[Any], callback: Row[Any]) -> Reached:
    scope = scope_of(call.service_id)
    body = notify.cipher.decrypt(call.sealed, scope=scope).encode()
    headers = {"Authorization": f"Bearer {notify.cipher.decrypt(callback.bearer_sealed, scope=scope)}", "Content-Type": "application/json"}
    if callback.secret_sealed is not None:
        secret = notify.cipher.decrypt(callback.secret_sealed, scope=scope)
        headers |= signed_headers(secret, str(call.id), int(notify.clock.now().timestamp()), body)
    began, status, fault = time.monotonic(), 0, ""
    try:
        status = notify.http.request("POST", callback.url, body=body, headers=headers, timeout_seconds=TIMEOUT_SECONDS).status
    except OutboundError as error:
        fault = type(error).__name__
        log.warning("service not reached", service=str(call.service_id), kind=call.kind, error=fault)
    return Reached(status, fault, round((time.monotonic() - began) * 1000))


def _note(notify: Notify, call: Row[Any], reached: Reached, told: Told) -> None:
    attempt = {"id": notify.ids.uuid7(), "call_id": call.id, "at": notify.clock.now()}
    with notify.db.begin() as connection:
        own = CallbackCall.id == call.id
        connection.execute(update(CallbackCall).where(own).values(state=told.value, attempts=CallbackCall.attempts + 1))
        facts = {"status": reached.status, "fault": reached.fault[:40], "milliseconds": reached.milliseconds}
        connection.execute(insert(CallbackAttempt).values(attempt | facts))


def delivery_status(message: Message, status: Status, at: datetime) -> dict[str, object]:
    """Give the body of the call."""
    return {
        "id": str(message.id),
        "reference": message.reference,
        "to": message.to,
        "status": shown(message.channel, status),
        "created_at": wire_time(message.created_at),
        "completed_at": wire_time(at) if status in COMPLETED else None,
        "sent_at": wire_time(message.sent_at),
        "notification_type": message.channel,
        "template_id": str(message.template_id),
        "template_version": message.template_version,
    }
