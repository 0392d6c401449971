"""Webhook messages are delivered: attempts that are due together are made together.  Spec: pay-api.md §15."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ARRAY, Row, String, bindparam, func, insert, select, update

from pay.context import Pay
from pay.events import WebhookAction
from pay.models.payment import payer_scope
from pay.models.webhook import MessageState, webhook_attempts, webhook_messages, webhooks
from pay.operations.announcements import JOB
from pay.standards.signatures import HEADER, retry_after, sign
from shared import trace
from shared.crypto import CannotDecrypt
from shared.http import OutboundError
from shared.transaction import Transaction

TIMEOUT_SECONDS = 5.0
THREADS = 8
log = structlog.get_logger("andamio.pay.webhooks")


@dataclass(frozen=True)
class Attempt:
    """The attempt that a job is for, counted from 1, and the request and the journey that gave rise to it."""

    message_id: str
    number: int
    request_id: str = ""
    journey_id: str = ""


@dataclass(frozen=True)
class _Answer:
    """What came of an attempt: the status that was answered, or the kind of failure."""

    attempt: Attempt
    status: int | None
    error: str | None = None

    @property
    def state(self) -> MessageState:
        """The message's state after it."""
        if self.status is not None and 200 <= self.status < 300:
            return MessageState.SUCCESSFUL
        return MessageState.PENDING if retry_after(self.attempt.number) else MessageState.FAILED


# Made once: making a statement takes longer than running it.
_C = webhook_messages.c
_DUE = (
    select(_C.id, _C.attempts, _C.body_sealed, webhooks.c.account_id, webhooks.c.callback_url, webhooks.c.signing_key_sealed)
    .add_columns(webhooks.c.status)
    .join(webhooks, webhooks.c.id == _C.webhook_id)
    .where(_C.id == func.any(bindparam("ids", type_=ARRAY(String))), _C.state == MessageState.PENDING.value)
)
_COUNTED = (
    update(webhook_messages)
    .where(_C.id == bindparam("of_id"), _C.attempts == bindparam("before"))
    .values(attempts=bindparam("number"), state=bindparam("now_state"))
)


def deliver(pay: Pay, attempts: Sequence[Attempt]) -> None:
    """Make attempts, and set the time of the next one where one fails; those that were made before are passed over."""
    due = _find_due(pay, attempts)
    _leave_off(pay, [attempt for attempt, row in due if row.status != "ACTIVE"])
    wanted = [(attempt, row) for attempt, row in due if row.status == "ACTIVE"]
    if len(wanted) > 1:
        with ThreadPoolExecutor(min(THREADS, len(wanted)), thread_name_prefix="webhook") as pool:
            answers = list(pool.map(lambda each: _try(pay, *each), wanted))
    else:
        answers = [_try(pay, *each) for each in wanted]
    if answers:
        _keep(pay, answers)


def _find_due(pay: Pay, attempts: Iterable[Attempt]) -> list[tuple[Attempt, Row[Any]]]:  # Any: of the columns below
    numbers = {attempt.message_id: attempt for attempt in attempts}
    with pay.reading() as tx:
        rows = tx.connection.execute(_DUE, {"ids": list(numbers)}).all()
    return [(numbers[row.id], row) for row in rows if row.attempts == numbers[row.id].number - 1]


def _leave_off(pay: Pay, attempts: Sequence[Attempt]) -> None:
    """A webhook that was switched off is told nothing any more."""
    if attempts:
        ids = [attempt.message_id for attempt in attempts]
        off = update(webhook_messages).where(webhook_messages.c.id == func.any(ids)).values(state=MessageState.WILL_NOT_SEND.value)
        with pay.transaction() as tx:
            tx.connection.execute(off)


def _try(pay: Pay, attempt: Attempt, row: Row[Any]) -> _Answer:
    """Make one attempt in the name of its journey; one that cannot be opened fails alone, so that others are not sent again."""
    with trace.working_on(attempt.request_id, attempt.journey_id):
        try:
            return _send(pay, attempt, row)
        except CannotDecrypt as fault:
            log.exception("a webhook message cannot be opened", message_id=attempt.message_id)
            return _Answer(attempt, None, type(fault).__name__)


def _send(pay: Pay, attempt: Attempt, row: Row[Any]) -> _Answer:
    """Make one attempt.  Redirects are not followed."""
    scope = payer_scope(row.account_id)
    body = pay.cipher.decrypt(row.body_sealed, scope=scope).encode()
    headers = {"Content-Type": "application/json", HEADER: sign(body, pay.cipher.decrypt(row.signing_key_sealed, scope=scope))}
    try:
        reply = pay.http.request("POST", row.callback_url, body=body, headers=headers, timeout_seconds=TIMEOUT_SECONDS, max_bytes=64 * 1024)
    except OutboundError as failure:
        return _Answer(attempt, None, type(failure).__name__)
    return _Answer(attempt, reply.status)


def _keep(pay: Pay, answers: Sequence[_Answer]) -> None:
    """Write down what came of attempts; one that another worker has written down meanwhile is left as it is."""
    now = pay.clock.now()
    with pay.transaction() as tx:
        for answer in sorted(answers, key=lambda each: each.attempt.message_id):  # in one order, so that two never wait in a ring
            with trace.working_on(answer.attempt.request_id, answer.attempt.journey_id):
                _note(tx, answer, now)


def _note(tx: Transaction, answer: _Answer, now: datetime) -> None:
    message_id, number = answer.attempt.message_id, answer.attempt.number
    change = {"of_id": message_id, "before": number - 1, "number": number, "now_state": answer.state.value}
    if not tx.connection.execute(_COUNTED, change).rowcount:
        return
    made = {"message_id": message_id, "number": number, "response_status": answer.status, "error": answer.error, "created_at": now}
    tx.connection.execute(insert(webhook_attempts), made)
    wait = retry_after(number)
    if answer.state is MessageState.PENDING and wait is not None:
        tx.enqueue(JOB, {"message_id": message_id, "number": number + 1}, due_at=now + wait)
    if answer.state is MessageState.FAILED:
        tx.record(WebhookAction.GIVEN_UP, actor="system", outcome="failed", object_id=message_id, channel="job")
