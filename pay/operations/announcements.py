"""Webhook messages: written with the change they tell of, delivered by `webhook_delivery`.  Spec: pay-api.md §15."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import String, any_, bindparam, insert, select

from pay.context import Pay
from pay.events import WebhookEvent
from pay.models.payment import find_payment, payer_scope
from pay.models.payout import Payout
from pay.models.webhook import MessageState, webhook_messages, webhooks
from pay.operations.payout_bodies import payout_body
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId
from pay.standards.payment_object import Json, Payment, iso_milliseconds, payment_body
from pay.standards.payment_states import PaymentState
from shared.transaction import Transaction

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


# Made once: making a statement takes longer than running it.
_SUBSCRIBED = select(webhooks.c.id).where(
    webhooks.c.account_id == bindparam("of_account"),
    webhooks.c.status == "ACTIVE",
    bindparam("event", type_=String) == any_(webhooks.c.subscriptions),
)


def announce(pay: Pay, tx: Transaction, payment: Payment, event: WebhookEvent, **more: str) -> None:
    """Write a message for each webhook that subscribed to the event, with its first delivery; `more` stands in it beside the payment."""
    receivers = _subscribed(tx, payment.account_id, event)
    if receivers:
        resource = payment_body(payment)
        del resource["authorisation_mode"]
        about = _About("payment", payment.id, payment.account_id, resource | more)
        _write(pay, tx, receivers, about, event)


def announce_settled(pay: Pay, tx: Transaction, account_id: str, payment_id: str) -> None:
    """Write the same when a payment's money has come to our bank; files of many lines read no payment that nobody asks for."""
    if _subscribed(tx, account_id, WebhookEvent.SETTLED):
        payment = find_payment(tx.connection, pay.cipher, PaymentId(payment_id))
        if payment is not None:
            announce(pay, tx, payment, WebhookEvent.SETTLED)


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
    return tx.connection.execute(_SUBSCRIBED, {"of_account": account_id, "event": event.value}).scalars().all()


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
        tx.connection.execute(insert(webhook_messages), row)
        tx.enqueue(JOB, {"message_id": message_id, "number": 1})
