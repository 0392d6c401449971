"""Webhook messages: written with the change they tell of, delivered by jobs.  Spec: pay-api.md §15."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import any_, insert, literal, select, update

from pay.context import Pay
from pay.events import WebhookAction, WebhookEvent
from pay.models.payment import payer_scope
from pay.models.payout import Payout
from pay.models.webhook import MessageState, webhook_attempts, webhook_messages, webhooks
from pay.operations.payout_bodies import payout_body
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.payment_object import Json, Payment, iso_milliseconds, payment_body
from pay.standards.payment_states import PaymentState
from pay.standards.signatures import HEADER, retry_after, sign
from shared.context import Transaction
from shared.http import OutboundError

TIMEOUT_SECONDS = 5.0
JOB = "deliver_webhook"


S = PaymentState
ON_ENTERING: dict[PaymentState, WebhookEvent] = {
    S.ENTERING_CARD_DETAILS: WebhookEvent.STARTED,
    S.CAPTURE_APPROVED: WebhookEvent.SUCCEEDED,
    S.CAPTURE_QUEUED: WebhookEvent.SUCCEEDED,
    S.CAPTURED: WebhookEvent.CAPTURED,
    S.AUTHORISATION_REJECTED: WebhookEvent.FAILED,
    S.AUTHORISATION_CANCELLED: WebhookEvent.FAILED,
    S.AUTHORISATION_ERROR: WebhookEvent.FAILED,
    S.AUTHORISATION_TIMEOUT: WebhookEvent.FAILED,
    S.AUTHORISATION_UNEXPECTED_ERROR: WebhookEvent.FAILED,
    S.USER_CANCELLED: WebhookEvent.FAILED,
    S.USER_CANCEL_ERROR: WebhookEvent.FAILED,
    S.SYSTEM_CANCELLED: WebhookEvent.FAILED,
    S.SYSTEM_CANCEL_ERROR: WebhookEvent.FAILED,
    S.CAPTURE_ERROR: WebhookEvent.FAILED,
    S.EXPIRED: WebhookEvent.EXPIRED,
    S.EXPIRE_CANCEL_FAILED: WebhookEvent.EXPIRED,
}
"""The webhook event that entering a state gives rise to; other states give none."""


def announce(pay: Pay, tx: Transaction, payment: Payment, event: WebhookEvent, **more: str) -> None:
    """Write a message for each webhook that subscribed to the event, with its first delivery; `more` stands in it beside the payment."""
    receivers = _subscribed(tx, payment.account_id, event)
    if receivers:
        resource = payment_body(payment)
        del resource["authorisation_mode"]
        about = _About("payment", payment.id, payment.account_id, resource | more)
        _write(pay, tx, receivers, about, event)


def announce_payout(pay: Pay, tx: Transaction, payout: Payout, event: WebhookEvent) -> None:
    """Write the same for a pay-out; the messages do not say who gets the money."""
    receivers = _subscribed(tx, payout.account_id, event)
    if receivers:
        about = _About("payout", payout.id, payout.account_id, payout_body(payout))
        _write(pay, tx, receivers, about, event)


@dataclass(frozen=True)
class _About:
    """What messages tell of."""

    kind: str
    id: str
    account_id: str
    resource: Json


def _subscribed(tx: Transaction, account_id: str, event: WebhookEvent) -> Sequence[str]:
    c = webhooks.c
    named = select(c.id).where(c.account_id == account_id, c.status == "ACTIVE", literal(event.value) == any_(c.subscriptions))
    return tx.connection.execute(named).scalars().all()


def _write(pay: Pay, tx: Transaction, receivers: Sequence[str], about: _About, event: WebhookEvent) -> None:
    now = pay.clock.now()
    for webhook_id in receivers:
        message_id = pay.ids.pick(ALPHABET, LENGTH)
        body = {
            "webhook_message_id": message_id,
            "created_date": iso_milliseconds(now),
            "resource_id": about.id,
            "api_version": 1,
            "resource_type": about.kind,
            "event_type": event.value,
            "resource": about.resource,
        }
        row = {
            "id": message_id,
            "webhook_id": webhook_id,
            f"{about.kind}_id": about.id,
            "event_type": event.value,
            "body_sealed": pay.cipher.encrypt(json.dumps(body, ensure_ascii=False), scope=payer_scope(about.account_id)),
            "state": MessageState.PENDING.value,
            "created_at": now,
        }
        tx.connection.execute(insert(webhook_messages).values(row))
        tx.enqueue(JOB, {"message_id": message_id, "number": 1})


def deliver(pay: Pay, message_id: str, number: int) -> None:
    """Make one attempt, and set the time of the next one when it fails; leaves quietly when this attempt was made before."""
    with pay.reading() as tx:
        statement = (
            select(
                webhook_messages.c.body_sealed,
                webhooks.c.account_id,
                webhooks.c.callback_url,
                webhooks.c.signing_key_sealed,
                webhooks.c.status,
            )
            .join(webhooks, webhooks.c.id == webhook_messages.c.webhook_id)
            .where(
                webhook_messages.c.id == message_id,
                webhook_messages.c.state == MessageState.PENDING.value,
                webhook_messages.c.attempts == number - 1,
            )
        )
        due = tx.connection.execute(statement).one_or_none()
    if due is None:
        return
    if due.status != "ACTIVE":
        with pay.transaction() as tx:
            off = update(webhook_messages).where(webhook_messages.c.id == message_id).values(state=MessageState.WILL_NOT_SEND.value)
            tx.connection.execute(off)
        return
    scope = payer_scope(due.account_id)
    body = pay.cipher.decrypt(due.body_sealed, scope=scope).encode()
    signature = sign(body, pay.cipher.decrypt(due.signing_key_sealed, scope=scope))
    status, error = _send(pay, due.callback_url, body, signature)
    _keep(pay, message_id, number, status, error)


def _send(pay: Pay, url: str, body: bytes, signature: str) -> tuple[int | None, str | None]:
    """Return the status that was answered, or the kind of failure.  Redirects are not followed."""
    headers = {"Content-Type": "application/json", HEADER: signature}
    try:
        reply = pay.http.request("POST", url, body=body, headers=headers, timeout_seconds=TIMEOUT_SECONDS, max_bytes=64 * 1024)
    except OutboundError as failure:
        return None, type(failure).__name__
    return reply.status, None


def _keep(pay: Pay, message_id: str, number: int, status: int | None, error: str | None) -> None:
    succeeded = status is not None and 200 <= status < 300
    wait = retry_after(number)
    now = pay.clock.now()
    state = MessageState.SUCCESSFUL if succeeded else MessageState.PENDING if wait else MessageState.FAILED
    with pay.transaction() as tx:
        counted = (
            update(webhook_messages)
            .where(webhook_messages.c.id == message_id, webhook_messages.c.attempts == number - 1)
            .values(attempts=number, state=state.value)
        )
        if not tx.connection.execute(counted).rowcount:
            return
        attempt = {"message_id": message_id, "number": number, "response_status": status, "error": error, "created_at": now}
        tx.connection.execute(insert(webhook_attempts).values(attempt))
        if state is MessageState.PENDING and wait is not None:
            tx.enqueue(JOB, {"message_id": message_id, "number": number + 1}, due_at=now + wait)
        if state is MessageState.FAILED:
            tx.record(WebhookAction.GIVEN_UP, actor="system", outcome="failed", object_id=message_id, channel="job")
