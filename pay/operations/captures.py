"""Capture: approved by the payer or the service, done by a job.  Spec: pay-api.md §7.1, §8, §20."""

from datetime import timedelta

from sqlalchemy import func, select

from pay.context import Merchant, Pay
from pay.errors import CaptureNotPossible, ResourceNotFound
from pay.models.account import get_account
from pay.models.attempt import close_attempt, open_attempt
from pay.models.ledger import post
from pay.models.payment import find_payment, payment_events
from pay.operations.authorisations import ask, order_of, require
from pay.operations.moves import PAYER, SYSTEM, move
from pay.operations.payments import CAPTURE_WINDOW
from pay.providers.base import Action, GatewayUnavailable, Outcome, Verdict
from pay.standards import ledger
from pay.standards.identifiers import PaymentId, is_public_id
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PUBLIC, SUCCESS, PaymentState
from shared.context import Transaction

JOB = "capture_payment"
CAPTURES_MAX = 26
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
        if payment.delayed_capture:
            until = {"expires_at": payment.created_at + CAPTURE_WINDOW}
            return move(pay, tx, payment, S.AWAITING_CAPTURE_REQUEST, actor=PAYER, changes=until)
        return _approve(pay, tx, payment, PAYER)


def request_capture(pay: Pay, merchant: Merchant, payment_id: str) -> Payment:
    """The service captures a delayed payment; a repeat is answered alike.  Raises: ResourceNotFound, CaptureNotPossible.  Spec: §8."""
    with pay.transaction() as tx:
        payment = None
        if is_public_id(payment_id):
            payment = find_payment(tx.connection, pay.cipher, PaymentId(payment_id), account_id=merchant.account.id, lock=True)
        if payment is None:
            raise ResourceNotFound("P1000")
        if payment.delayed_capture and PUBLIC[payment.state] is SUCCESS:
            return payment
        if payment.state is not S.AWAITING_CAPTURE_REQUEST:
            raise CaptureNotPossible
        return _approve(pay, tx, payment, merchant.actor)


def _approve(pay: Pay, tx: Transaction, payment: Payment, actor: str) -> Payment:
    tx.enqueue(JOB, {"payment_id": payment.id})
    return move(pay, tx, payment, S.CAPTURE_APPROVED, actor=actor)


def capture(pay: Pay, payment_id: PaymentId) -> None:
    """Take the money of an approved payment; also where a crash left it in CAPTURE_READY."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state in _APPROVED:
            payment = move(pay, tx, payment, S.CAPTURE_READY, actor=SYSTEM, changes={"capture_submitted_at": pay.clock.now()})
        if payment.state is not S.CAPTURE_READY:
            return
        order = order_of(payment, Action.CAPTURE)
        open_attempt(tx.connection, order.reference, payment.id, Action.CAPTURE, pay.clock.now())
    gateway = pay.gateways[payment.gateway]
    try:
        outcome: Outcome | None = gateway.capture(order)
    except GatewayUnavailable:
        outcome = ask(gateway, order.reference)
    if outcome is None:
        _postpone(pay, payment_id)
    else:
        _settle(pay, payment_id, outcome)


def _settle(pay: Pay, payment_id: PaymentId, outcome: Outcome) -> None:
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is not S.CAPTURE_READY:
            return
        now = pay.clock.now()
        close_attempt(tx.connection, order_of(payment, Action.CAPTURE).reference, outcome, now)
        if outcome.verdict is not Verdict.APPROVED:
            _fail(pay, tx, payment)
            return
        move(pay, tx, payment, S.CAPTURED, actor=SYSTEM, changes={"captured_at": now})
        if payment.amount_minor:
            book = get_account(tx.connection, payment.account_id).book
            post(tx.connection, ledger.captured(book, payment.id, payment.amount_minor), now)


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
    if payment.amount_minor:
        book = get_account(tx.connection, payment.account_id).book
        post(tx.connection, ledger.voided(book, payment.id, payment.amount_minor), pay.clock.now())
