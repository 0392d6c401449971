"""Refunds: reserved under the payment's lock, paid by the gateway between transactions.  Spec: pay-api.md §9."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert, update

from pay.context import Merchant, Pay
from pay.errors import RefundMismatch, RefundNotAvailable, ResourceNotFound
from pay.events import RefundEvent, WebhookEvent
from pay.models.account import get_account
from pay.models.attempt import close_attempt, open_attempt, reference_of
from pay.models.ledger import post
from pay.models.payment import find_payment, payments
from pay.models.refund import Refund, find_refund, list_refunds, refunds
from pay.operations.accounts import check_usable
from pay.operations.announcements import announce
from pay.operations.authorisations import ask, require
from pay.operations.moves import SYSTEM
from pay.operations.payments import IdempotencyKey, claim_key, require_payment
from pay.providers.base import Action, GatewayUnavailable, Order, Outcome, Verdict
from pay.standards import ledger
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId, RefundId, is_public_id
from pay.standards.payment_object import Payment
from pay.standards.refund_states import REFUND_TABLE, Refundable, RefundState, refundable
from shared.context import Transaction

JOB = "refund_payment"
GUARD_AFTER = timedelta(seconds=20)
"""Where a gateway answers at once the request itself asks it; the job stands behind, for a crash in between."""


@dataclass(frozen=True)
class NewRefund:
    """What a caller asks for; `available_minor` is what the caller believes is left, if it says so."""

    amount_minor: int
    available_minor: int | None


def create_refund(pay: Pay, merchant: Merchant, payment_id: str, order: NewRefund, key: IdempotencyKey | None = None) -> Refund:
    """Reserve a refund and have it paid; a repeat with the same key returns the first one.

    Raises: ResourceNotFound, AccountSuspended, RefundNotAvailable, RefundMismatch, IdempotencyKeyReused.
    """
    account = merchant.account
    refund_id = RefundId(pay.ids.pick(ALPHABET, LENGTH))
    with pay.transaction() as tx:
        payment = None
        if is_public_id(payment_id):
            payment = find_payment(tx.connection, pay.cipher, PaymentId(payment_id), account_id=account.id, lock=True)
        if payment is None:
            raise ResourceNotFound("P0600")
        made = claim_key(tx, key, scope=f"create-refund:{payment.id}", result_id=refund_id, now=pay.clock.now()) if key else None
        if made is None:
            check_usable(pay, account)
            check_refundable(payment, order)
            _reserve(pay, tx, payment, refund_id, order.amount_minor, actor=merchant.actor)
        else:
            refund_id = RefundId(made)
    if made is None and pay.gateways[payment.gateway].settles_refunds_at_once:
        _try_now(pay, refund_id)
    with pay.reading() as tx:
        refund = find_refund(tx.connection, refund_id)
    if refund is None:
        raise LookupError("no such refund")
    return refund


def check_refundable(payment: Payment, order: NewRefund) -> None:
    """Check, in this order: may it be refunded at all, does the caller know what is left, is so much left.  Spec: §9."""
    status = refundable(payment.state, payment.amount_minor, payment.refunded_minor)
    if status is not Refundable.AVAILABLE:
        raise RefundNotAvailable(status.value)
    if order.available_minor is not None and order.available_minor != payment.available_minor:
        raise RefundMismatch
    if order.amount_minor > payment.available_minor:
        raise RefundNotAvailable("amount_not_available")


def _reserve(pay: Pay, tx: Transaction, payment: Payment, refund_id: RefundId, amount_minor: int, *, actor: str) -> None:
    now = pay.clock.now()
    _change_refunded(tx, payment.id, amount_minor)
    row = {
        "id": refund_id,
        "payment_id": payment.id,
        "amount_minor": amount_minor,
        "state": RefundState.CREATED.value,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    tx.connection.execute(insert(refunds).values(row))
    tx.record(
        RefundEvent.REQUESTED,
        actor=actor,
        object_id=refund_id,
        data={"payment_id": payment.id, "account_id": payment.account_id, "amount_minor": amount_minor},
    )
    book = get_account(tx.connection, payment.account_id).book
    post(tx.connection, ledger.refund_requested(book, payment.id, refund_id, amount_minor), now)
    due_at = now + GUARD_AFTER if pay.gateways[payment.gateway].settles_refunds_at_once else None
    tx.enqueue(JOB, {"refund_id": refund_id}, due_at=due_at)


def _change_refunded(tx: Transaction, payment_id: PaymentId, change_minor: int) -> None:
    """Change the sum of a payment's refunds; a constraint of the table refuses more than the amount."""
    statement = (
        update(payments)
        .where(payments.c.id == payment_id)
        .values(refunded_minor=payments.c.refunded_minor + change_minor, version=payments.c.version + 1)
    )
    tx.connection.execute(statement)


def _try_now(pay: Pay, refund_id: RefundId) -> None:
    try:
        pay_refund(pay, refund_id)
    except GatewayUnavailable:
        return  # the job that stands behind asks again


def pay_refund(pay: Pay, refund_id: RefundId) -> None:
    """Have a gateway pay a refund; also where a crash left it between the call and the outcome.

    Raises: GatewayUnavailable (safe to repeat: the gateway knows our reference).
    """
    with pay.transaction() as tx:
        refund = find_refund(tx.connection, refund_id, lock=True)
        if refund is None or refund.state not in {RefundState.CREATED, RefundState.SUBMITTED}:
            return
        payment = require(pay, tx, refund.payment_id)
        reference = reference_of(Action.REFUND, refund.id)
        if refund.state is RefundState.CREATED:
            refund = _move(pay, tx, refund, RefundState.SUBMITTED)
            open_attempt(tx.connection, reference, payment.id, Action.REFUND, pay.clock.now())
    gateway = pay.gateways[payment.gateway]
    order = Order(reference, payment.id, refund.amount_minor, payment.currency, payment.provider_id or "")
    try:
        outcome: Outcome | None = gateway.refund(order)
    except GatewayUnavailable:
        outcome = ask(gateway, reference)
    if outcome is None:
        raise GatewayUnavailable("what became of a refund is not known")
    _settle(pay, refund_id, outcome)


def _settle(pay: Pay, refund_id: RefundId, outcome: Outcome) -> None:
    """Write down what the gateway answered; a refund that failed gives its amount back."""
    with pay.transaction() as tx:
        refund = find_refund(tx.connection, refund_id, lock=True)
        if refund is None or refund.state is not RefundState.SUBMITTED:
            return
        now = pay.clock.now()
        payment = require(pay, tx, refund.payment_id)
        book = get_account(tx.connection, payment.account_id).book
        close_attempt(tx.connection, reference_of(Action.REFUND, refund.id), outcome, now)
        if outcome.verdict is Verdict.APPROVED:
            _move(pay, tx, refund, RefundState.REFUNDED, provider_id=outcome.provider_id)
            post(tx.connection, ledger.refund_confirmed(book, payment.id, refund.id, refund.amount_minor), now)
            announce(pay, tx, payment, WebhookEvent.REFUNDED)
        else:
            _move(pay, tx, refund, RefundState.ERROR, provider_id=outcome.provider_id)
            post(tx.connection, ledger.refund_failed(book, payment.id, refund.id, refund.amount_minor), now)
            _change_refunded(tx, payment.id, -refund.amount_minor)


def _move(pay: Pay, tx: Transaction, refund: Refund, target: RefundState, *, provider_id: str | None = None) -> Refund:
    action = REFUND_TABLE.check(refund.state, target)
    values = {"state": target.value, "version": refund.version + 1, "updated_at": pay.clock.now(), "provider_id": provider_id}
    tx.connection.execute(update(refunds).where(refunds.c.id == refund.id).values(values))
    facts = {"payment_id": refund.payment_id, "before": refund.state.value, "after": target.value}
    tx.record(action, actor=SYSTEM, object_id=refund.id, channel="job", data=facts)
    moved = find_refund(tx.connection, refund.id)
    if moved is None:
        raise LookupError("no such refund")
    return moved


def get_refund(pay: Pay, merchant: Merchant, payment_id: str, refund_id: str) -> Refund:
    """Return a refund of a payment of the caller's account.  Raises: ResourceNotFound."""
    payment = require_payment(pay, merchant, payment_id, not_found="P0700")
    refund = None
    if is_public_id(refund_id):
        with pay.reading() as tx:
            refund = find_refund(tx.connection, RefundId(refund_id), payment_id=payment.id)
    if refund is None:
        raise ResourceNotFound("P0700")
    return refund


def get_refunds(pay: Pay, merchant: Merchant, payment_id: str) -> tuple[Payment, list[Refund]]:
    """Return a payment and its refunds, oldest first.  Raises: ResourceNotFound."""
    payment = require_payment(pay, merchant, payment_id, not_found="P0800")
    with pay.reading() as tx:
        return payment, list_refunds(tx.connection, payment.id)
