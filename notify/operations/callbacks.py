"""Tell a service what became of its messages, and what came for it: signed, tried again, logged, replayed.  Spec: notify-api §18."""

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import ARRAY, Row, Uuid, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.models import messages
from notify.models.base import scope_of
from notify.models.callback import CallbackAttempt, CallbackCall, ServiceCallback
from notify.models.messages import Message
from notify.standards.statuses import COMPLETED, Status, shown
from notify.standards.webhook_signature import signed_headers
from notify.standards.wire_time import wire_time
from shared import trace
from shared.http import OutboundError, OutboundRefused
from shared.tasks import RetryLater
from shared.transaction import Transaction

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
    ids = {"request_id": trace.request_id(), "journey_id": trace.journey_id()}
    about = {"event_id": str(notify.ids.uuid7()), "notification_id": str(row.id), "status": status.value, "at": at}
    return {**about, **ids, "queue": messages.queue_of(row)}


def enqueue_callbacks(tx: Transaction, calls: Sequence[dict[str, str] | None]) -> None:
    """Leave calls in the outbox, several to a job: a service that is told much is told fast."""
    by_queue: dict[str, list[dict[str, str]]] = defaultdict(list)
    for call in calls:
        if call is not None:
            by_queue[call["queue"]].append(call)
    for queue, wanted in by_queue.items():
        for begin in range(0, len(wanted), JOB_CALLS_MAX):
            some = wanted[begin : begin + JOB_CALLS_MAX]
            if len(some) == 1:
                tx.enqueue("tell_service", some[0], queue=queue)
            else:
                tx.enqueue("tell_services", {"calls": some}, queue=queue)


def tell_services(notify: Notify, calls: Sequence[dict[str, str]]) -> None:
    """Make several calls at the same time; one that must wait, or fails, gets a job of its own."""
    now, waits = notify.clock.now(), []
    for call, made in zip(calls, _make_calls(notify, calls), strict=True):
        if made.broke is not None:
            # Alone in a job it fails where people see it, and the others go on.
            log.error("call failed", event=call["event_id"], error=type(made.broke).__name__)
            waits.append((call, 1.0))
        elif made.told is Told.WAITING:
            waits.append((call, float(RETRY_SECONDS)))
    if waits:
        with notify.transaction() as tx:
            for call, seconds in waits:
                tx.enqueue("tell_service", call, due_at=now + timedelta(seconds=seconds), queue=call.get("queue", ""))


def enqueue_event(notify: Notify, tx: Transaction, news: News) -> None:
    """Leave a call about something else in the outbox, if the service wants to be told of its kind."""
    service = notify.catalogue.find_service(news.service_id)
    if service and news.kind in service.callbacks:
        event_id = notify.ids.uuid7()
        _keep(notify, tx, [(event_id, news)])
        tx.enqueue("tell_service", {"event_id": str(event_id)})


def tell_service(notify: Notify, payload: Mapping[str, str]) -> Told:
    """Make one call.  Raises: RetryLater when the service did not answer, or answered 5xx or 429."""
    [made] = _make_calls(notify, [payload])
    if made.broke is not None:
        raise made.broke
    if made.again:
        raise RetryLater(RETRY_SECONDS, made.why)
    return made.told


@dataclass(frozen=True)
class _Made:
    """What came of one call; `again` where it is worth another try, `broke` where we could not even make it."""

    told: Told
    again: bool = False
    why: str = ""
    broke: Exception | None = None


def _make_calls(notify: Notify, payloads: Sequence[Mapping[str, str]]) -> list[_Made]:
    """Make calls at the same time, with one transaction before and one after for all of them; what came of each, in order."""
    calls, callbacks = _due_calls(notify, payloads)
    nobody = _Made(Told.NOBODY)
    made: dict[uuid.UUID, _Made] = {}
    due: dict[uuid.UUID, tuple[Row[Any], Row[Any], Mapping[str, str]]] = {}
    by_event = {_event_id(payload): payload for payload in payloads}
    for event_id, call in calls.items():
        callback = callbacks.get((call.service_id, call.kind))
        if call.state == Told.GIVEN_UP:
            made[event_id] = _Made(Told.GIVEN_UP)
        elif callback is not None:
            due[event_id] = (call, callback, by_event[event_id])
    threads = min(notify.settings.delivery_threads, len(due))
    if threads > 1:
        with ThreadPoolExecutor(threads, thread_name_prefix="tell") as pool:
            answers = list(pool.map(lambda each: _reach(notify, *each), due.values()))
    else:
        answers = [_reach(notify, *each) for each in due.values()]
    noted = []
    for (event_id, (call, *_)), reached in zip(due.items(), answers, strict=True):
        if isinstance(reached, Exception):
            made[event_id] = _Made(Told.WAITING, broke=reached)
            continue
        told = _told(call, reached)
        noted.append((call, reached, told))
        made[event_id] = _Made(told, told in {Told.WAITING, Told.GIVEN_UP}, reached.fault or f"answered {reached.status}")
    _note(notify, noted)
    return [made.get(_event_id(payload), nobody) for payload in payloads]


def _told(call: Row[Any], reached: Reached) -> Told:
    told = Told.TAKEN if 200 <= reached.status < 300 else Told.WAITING if reached.passes else Told.REFUSED
    return Told.GIVEN_UP if told is Told.WAITING and call.attempts + 1 >= ATTEMPTS_MAX else told


def _event_id(payload: Mapping[str, str]) -> uuid.UUID:
    """Give the event's id; a row of an earlier release names none."""
    return uuid.UUID(payload.get("event_id") or str(uuid.uuid5(uuid.UUID(payload["notification_id"]), payload["at"])))


# Made once: making a statement takes longer than running it.
_IDS = bindparam("ids", type_=ARRAY(Uuid))
_T = CallbackCall.__table__.c
_CALLS = select(CallbackCall.__table__).where(_T.id == func.any(_IDS))
_SETTINGS = select(ServiceCallback.__table__).where(ServiceCallback.service_id == func.any(_IDS))
_TRIED = update(CallbackCall).where(_T.id == func.any(_IDS)).values(state=bindparam("to_state"), attempts=_T.attempts + 1)
_KEEP = insert(CallbackCall).on_conflict_do_nothing()
_KEEP_ATTEMPT = insert(CallbackAttempt)
_Callbacks = dict[tuple[uuid.UUID, str], Row[Any]]


def _due_calls(notify: Notify, payloads: Sequence[Mapping[str, str]]) -> tuple[dict[uuid.UUID, Row[Any]], _Callbacks]:
    """Give the calls that jobs are for, each kept at its first try, and where their services want to be told."""
    by_event = {_event_id(payload): payload for payload in payloads}
    events = {"ids": list(by_event)}
    with notify.transaction() as tx:
        found = {row.id: row for row in tx.connection.execute(_CALLS, events)}
        new = {key: payload for key, payload in by_event.items() if key not in found and "notification_id" in payload}
        if new:
            about = {key: uuid.UUID(payload["notification_id"]) for key, payload in new.items()}
            rows = {row.id: row for row in messages.find_rows(tx.connection, about.values())}
            _keep(notify, tx, [(key, _news_of(notify, rows[about[key]], payload)) for key, payload in new.items() if about[key] in rows])
            found |= {row.id: row for row in tx.connection.execute(_CALLS, events)}
        services = {"ids": list({row.service_id for row in found.values()})}
        callbacks = {(row.service_id, row.kind): row for row in tx.connection.execute(_SETTINGS, services)} if found else {}
    return found, callbacks


def _news_of(notify: Notify, row: Row[Any], payload: Mapping[str, str]) -> News:
    message, at = messages.open_row(row, notify.cipher), datetime.fromisoformat(payload["at"])
    return News(row.service_id, DELIVERY_STATUS, row.id, delivery_status(message, Status(payload["status"]), at))


def _keep(notify: Notify, tx: Transaction, news: Sequence[tuple[uuid.UUID, News]]) -> None:
    rows = [
        {
            "id": event_id,
            "service_id": each.service_id,
            "kind": each.kind,
            "object_id": each.object_id,
            "sealed": notify.cipher.encrypt(json.dumps(each.body), scope=scope_of(each.service_id)),
            "state": Told.WAITING.value,
            "attempts": 0,
            "created_at": notify.clock.now(),
        }
        for event_id, each in news
    ]
    if rows:
        tx.connection.execute(_KEEP, rows)


def _reach(notify: Notify, call: Row[Any], callback: Row[Any], payload: Mapping[str, str]) -> Reached | Exception:
    """Make one call in the name of the request that led to it; give what it met, or what kept us from making it."""
    began, status, fault = time.monotonic(), 0, ""
    try:
        body, headers = _letter(notify, call, callback)
        with trace.working_on(payload.get("request_id") or trace.request_id(), payload.get("journey_id") or trace.journey_id()):
            status = notify.http.request("POST", callback.url, body=body, headers=headers, timeout_seconds=TIMEOUT_SECONDS).status
    except OutboundError as error:
        fault = type(error).__name__
        log.warning("service not reached", service=str(call.service_id), kind=call.kind, error=fault)
    except Exception as broke:  # noqa: BLE001 - told to whoever runs the job
        return broke
    return Reached(status, fault, round((time.monotonic() - began) * 1000))


def _letter(notify: Notify, call: Row[Any], callback: Row[Any]) -> tuple[bytes, dict[str, str]]:
    """Give the body of a call and its headers, signed where the service has a secret."""
    scope = scope_of(call.service_id)
    body = notify.cipher.decrypt(call.sealed, scope=scope).encode()
    headers = {"Authorization": f"Bearer {notify.cipher.decrypt(callback.bearer_sealed, scope=scope)}", "Content-Type": "application/json"}
    if callback.secret_sealed is not None:
        secret = notify.cipher.decrypt(callback.secret_sealed, scope=scope)
        headers |= signed_headers(secret, str(call.id), int(notify.clock.now().timestamp()), body)
    return body, headers


def _note(notify: Notify, noted: Sequence[tuple[Row[Any], Reached, Told]]) -> None:
    """Write down tries: each call's new state, and what the try met."""
    if not noted:
        return
    now = notify.clock.now()
    states: dict[Told, list[uuid.UUID]] = defaultdict(list)
    for call, _, told in noted:
        states[told].append(call.id)
    attempts = [
        {
            "id": notify.ids.uuid7(),
            "call_id": call.id,
            "at": now,
            "status": reached.status,
            "fault": reached.fault[:40],
            "milliseconds": reached.milliseconds,
        }
        for call, reached, _ in noted
    ]
    with notify.db.begin() as connection:
        for told, ids in sorted(states.items()):
            connection.execute(_TRIED, {"ids": ids, "to_state": told.value})
        connection.execute(_KEEP_ATTEMPT, attempts)


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
