"""What happens to a refund: reserved, submitted, settled, each with its postings.  Spec: pay-api.md §9, pay-design.md §3."""

from sqlalchemy import insert, update

from pay.context import Pay
from pay.events import RefundEvent, WebhookEvent
from pay.models.account import get_account
from pay.models.attempt import close_attempt
from pay.models.ledger import post
from pay.models.payment import payments
from pay.models.refund import Refund, find_refund, list_refunds, refunds
from pay.operations.announcements import announce
from pay.operations.calls import require
from pay.operations.moves import SYSTEM
from pay.operations.payer_queue import Matter, tell_later
from pay.providers.base import Outcome, Verdict
from pay.standards import ledger
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId, RefundId
from pay.standards.ledger import Share
from pay.standards.payment_object import Payment
from pay.standards.refund_states import REFUND_TABLE, RefundState
from shared.transaction import Transaction

JOB = "refund_payment"


def reserve(pay: Pay, tx: Transaction, payment: Payment, refund_id: RefundId, shares: tuple[Share, ...], *, actor: str) -> Refund:
    """Write a refund down and reserve what each body gives back; the payment's row is locked."""
    now, amount_minor = pay.clock.now(), sum(share.amount_minor for share in shares)
    book = get_account(tx.connection, payment.account_id).book
    _change_refunded(tx, payment.id, amount_minor)
    row = {
        "id": refund_id,
        "payment_id": payment.id,
        "amount_minor": amount_minor,
        "state": RefundState.CREATED.value,
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "shares": [[share.beneficiary, share.amount_minor] for share in shares],
    }
    tx.connection.execute(insert(refunds).values(row))
    tx.record(
        RefundEvent.REQUESTED,
        actor=actor,
        object_id=refund_id,
        data={"payment_id": payment.id, "account_id": payment.account_id, "amount_minor": amount_minor},
    )
    post(tx.connection, ledger.refund_requested(book, payment.id, refund_id, shares), now)
    return _found(tx, refund_id)


def move_refund(pay: Pay, tx: Transaction, refund: Refund, target: RefundState, *, provider_id: str | None = None) -> Refund:
    """Move a refund, whose row is locked, along the table.  Raises: WrongState."""
    action = REFUND_TABLE.check(refund.state, target)
    values = {"state": target.value, "version": refund.version + 1, "updated_at": pay.clock.now(), "provider_id": provider_id}
    tx.connection.execute(update(refunds).where(refunds.c.id == refund.id).values(values))
    facts = {"payment_id": refund.payment_id, "before": refund.state.value, "after": target.value}
    tx.record(action, actor=SYSTEM, object_id=refund.id, channel="job", data=facts)
    return _found(tx, refund.id)


def settle(pay: Pay, refund_id: RefundId, reference: str, outcome: Outcome) -> None:
    """Write down what the gateway answered; a refund that failed gives its amount back."""
    with pay.transaction() as tx:
        refund = find_refund(tx.connection, refund_id, lock=True)
        if refund is None or refund.state is not RefundState.SUBMITTED:
            return
        payment = require(pay, tx, refund.payment_id)
        close_attempt(tx.connection, reference, outcome, pay.clock.now())
        if outcome.verdict is Verdict.APPROVED:
            _confirm(pay, tx, payment, refund, outcome.provider_id)
        else:
            _fail(pay, tx, payment, refund, outcome)
        for other in list_refunds(tx.connection, payment.id):
            if other.state is RefundState.CREATED:  # it may have waited for this one
                tx.enqueue(JOB, {"refund_id": other.id})


def _confirm(pay: Pay, tx: Transaction, payment: Payment, refund: Refund, provider_id: str) -> None:
    book = get_account(tx.connection, payment.account_id).book
    move_refund(pay, tx, refund, RefundState.REFUNDED, provider_id=provider_id)
    post(tx.connection, ledger.refund_confirmed(book, payment.id, refund.id, refund.shares_or(book.beneficiary)), pay.clock.now())
    announce(pay, tx, payment, WebhookEvent.REFUNDED)
    tell_later(pay, tx, Matter.REFUND, refund.id, payment)


def _fail(pay: Pay, tx: Transaction, payment: Payment, refund: Refund, outcome: Outcome) -> None:
    """Give the amount back; where some bodies have paid their part all the same, that is a refund of its own, and a true one."""
    book = get_account(tx.connection, payment.account_id).book
    move_refund(pay, tx, refund, RefundState.ERROR, provider_id=outcome.provider_id)
    post(tx.connection, ledger.refund_failed(book, payment.id, refund.id, refund.shares_or(book.beneficiary)), pay.clock.now())
    _change_refunded(tx, payment.id, -refund.amount_minor)
    payment = require(pay, tx, payment.id)
    announce(pay, tx, payment, WebhookEvent.REFUND_FAILED, refund_id=refund.id)
    if outcome.given:
        shares = tuple(Share(*each) for each in outcome.given)
        made = reserve(pay, tx, payment, RefundId(pay.ids.pick(ALPHABET, LENGTH)), shares, actor=SYSTEM)
        _confirm(pay, tx, payment, move_refund(pay, tx, made, RefundState.SUBMITTED), outcome.provider_id)


def _change_refunded(tx: Transaction, payment_id: PaymentId, change_minor: int) -> None:
    """Change the sum of a payment's refunds; a constraint of the table refuses more than the amount."""
    statement = (
        update(payments)
        .where(payments.c.id == payment_id)
        .values(refunded_minor=payments.c.refunded_minor + change_minor, version=payments.c.version + 1)
    )
    tx.connection.execute(statement)


def _found(tx: Transaction, refund_id: RefundId) -> Refund:
    found = find_refund(tx.connection, refund_id)
    if found is None:
        raise LookupError("no such refund")
    return found
