"""Capture: approved by the payer or the service, done by a job.  Spec: pay-api.md §7.1, §8, §20."""

from datetime import timedelta

from sqlalchemy import func, select

from pay.context import Merchant, Pay
from pay.errors import CaptureNotPossible, ResourceNotFound
from pay.models.account import get_account
from pay.models.attempt import close_attempt, open_attempt
from pay.models.ledger import post
from pay.models.payment import find_payment, payment_events
from pay.operations.agreements import activate
from pay.operations.calls import ask, order_of, require
from pay.operations.idempotency import IdempotencyKey, claim_key
from pay.operations.moves import PAYER, SYSTEM, move
from pay.providers.base import Action, GatewayUnavailable, Outcome, Verdict
from pay.standards import ledger
from pay.standards.identifiers import PaymentId, is_public_id
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PUBLIC, SUCCESS, PaymentState
from shared.transaction import Transaction

JOB = "capture_payment"
CAPTURES_MAX = 26
CAPTURE_WINDOW = timedelta(hours=120)
RETRY_CAPTURE_AFTER = timedelta(hours=1)

S = PaymentState
_APPROVED = frozenset({S.CAPTURE_APPROVED, S.CAPTURE_APPROVED_RETRY, S.CAPTURE_QUEUED})


def confirm(pay: Pay, payment_id: PaymentId) -> Payment:
    """The payer confirms: approve the capture, or leave it to the service.  A second press changes nothing.

    Raises: WrongState, OperationInProgress.  Spec: §24.18 (the state changes before the payer leaves).
    """
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is not S.AUTHORISATION_SUCCESS:
            return payment
        activate(pay, tx, payment)
        return approve(pay, tx, payment, PAYER)


def approve(pay: Pay, tx: Transaction, payment: Payment, actor: str, *, queued: bool = False) -> Payment:
    """Have an authorised payment captured, or hold it for the service where that is what the service wants."""
    if payment.delayed_capture and payment.state is S.AUTHORISATION_SUCCESS:
        until = {"expires_at": payment.created_at + CAPTURE_WINDOW}
        return move(pay, tx, payment, S.AWAITING_CAPTURE_REQUEST, actor=actor, changes=until)
    tx.enqueue(JOB, {"payment_id": payment.id})
    return move(pay, tx, payment, S.CAPTURE_QUEUED if queued else S.CAPTURE_APPROVED, actor=actor)


def request_capture(pay: Pay, merchant: Merchant, payment_id: str, key: IdempotencyKey | None = None) -> Payment:
    """The service captures a delayed payment; a repeat is answered alike.

    Raises: ResourceNotFound, CaptureNotPossible, IdempotencyKeyReused.  Spec: §8.
    """
    with pay.transaction() as tx:
        payment = None
        if is_public_id(payment_id):
            payment = find_payment(tx.connection, pay.cipher, PaymentId(payment_id), account_id=merchant.account.id, lock=True)
        if payment is None:
            raise ResourceNotFound("P1000")
        if key and claim_key(tx, key, scope=f"capture:{payment.id}", result_id=payment.id, now=pay.clock.now()):
            return payment
        if payment.delayed_capture and PUBLIC[payment.state] is SUCCESS:
            return payment
        if payment.state is not S.AWAITING_CAPTURE_REQUEST:
            raise CaptureNotPossible
        return approve(pay, tx, payment, merchant.actor)


def capture(pay: Pay, payment_id: PaymentId) -> None:
    """Take the money of an approved payment; also where a crash left it in CAPTURE_READY."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state in _APPROVED:
            payment = move(pay, tx, payment, S.CAPTURE_READY, actor=SYSTEM, changes={"capture_submitted_at": pay.clock.now()})
        if payment.state is not S.CAPTURE_READY:
            return
        order = order_of(pay, payment, Action.CAPTURE)
        open_attempt(tx.connection, order, payment.gateway, pay.clock.now())
    gateway = pay.gateways[payment.gateway]
    try:
        outcome: Outcome | None = gateway.capture(order)
    except GatewayUnavailable:
        outcome = ask(gateway, order)
    if outcome is None:
        _postpone(pay, payment_id)
    else:
        _settle(pay, payment_id, order.reference, outcome)


def _settle(pay: Pay, payment_id: PaymentId, reference: str, outcome: Outcome) -> None:
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is not S.CAPTURE_READY:
            return
        now = pay.clock.now()
        close_attempt(tx.connection, reference, outcome, now)
        if outcome.verdict is not Verdict.APPROVED:
            _fail(pay, tx, payment)
            return
        move(pay, tx, payment, S.CAPTURED, actor=SYSTEM, changes={"captured_at": now})
        if payment.total_minor:
            book = get_account(tx.connection, payment.account_id).book
            post(tx.connection, ledger.captured(book, payment.id, payment.shares(book.beneficiary)), now)


def _postpone(pay: Pay, payment_id: PaymentId) -> None:
    """Try again in an hour, 26 times in all; then the capture has failed."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is not S.CAPTURE_READY:
            return
        begun = select(func.count()).where(payment_events.c.payment_id == payment.id, payment_events.c.after == S.CAPTURE_READY.value)
        if tx.connection.execute(begun).scalar_one() >= CAPTURES_MAX:
            _fail(pay, tx, payment)
            return
        move(pay, tx, payment, S.CAPTURE_APPROVED_RETRY, actor=SYSTEM)
        tx.enqueue(JOB, {"payment_id": payment.id}, due_at=pay.clock.now() + RETRY_CAPTURE_AFTER)


def _fail(pay: Pay, tx: Transaction, payment: Payment) -> None:
    move(pay, tx, payment, S.CAPTURE_ERROR, actor=SYSTEM)
    if payment.total_minor:
        book = get_account(tx.connection, payment.account_id).book
        post(tx.connection, ledger.voided(book, payment.id, payment.shares(book.beneficiary)), pay.clock.now())
