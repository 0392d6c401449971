"""Ends before the money moves: cancelled by the service, cancelled by the payer, expired.  Spec: pay-api.md §7.1, §8, §20.

An authorised payment is first moved into a `…_CANCEL_READY` lock, then its authorisation is voided at the gateway.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import update

from pay.context import Merchant, Pay
from pay.errors import CancellationFailed, OperationInProgress, ResourceNotFound
from pay.models.account import get_account
from pay.models.attempt import close_attempt, facts_of, open_attempt, reference_of
from pay.models.ledger import post
from pay.models.payment import find_due, find_payment, payments
from pay.operations.authorisations import ANSWER_PATIENCE, give_up_authorisation, settle_authorisation
from pay.operations.calls import ask, order_of, require
from pay.operations.captures import capture
from pay.operations.idempotency import IdempotencyKey, claim_key
from pay.operations.moves import PAYER, SYSTEM, move
from pay.operations.provider_pages import ask_before_expiry, give_up_page, resume_page
from pay.providers.base import Action, GatewayUnavailable, Order, Outcome, Verdict
from pay.standards import ledger
from pay.standards.identifiers import PaymentId, is_public_id
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PAYMENT_TABLE, PaymentState
from shared.transaction import Transaction

EXPIRY_BATCH = 200
UNTOUCHED_FOR = timedelta(minutes=5)
S = PaymentState


@dataclass(frozen=True)
class Ending:
    """One way to end: `done` at once, or through the lock `ready` when there is an authorisation to void."""

    done: PaymentState
    ready: PaymentState
    failed: PaymentState


BY_SERVICE = Ending(S.SYSTEM_CANCELLED, S.SYSTEM_CANCEL_READY, S.SYSTEM_CANCEL_ERROR)
BY_PAYER = Ending(S.USER_CANCELLED, S.USER_CANCEL_READY, S.USER_CANCEL_ERROR)
BY_TIME = Ending(S.EXPIRED, S.EXPIRE_CANCEL_READY, S.EXPIRE_CANCEL_FAILED)
_BY_LOCK = {ending.ready: ending for ending in (BY_SERVICE, BY_PAYER, BY_TIME)}
_BUSY = frozenset({S.AUTHORISATION_READY, S.AUTHORISATION_3DS_READY, S.AUTHORISATION_USER_NOT_PRESENT_QUEUED})


def cancel_by_service(pay: Pay, merchant: Merchant, payment_id: str, key: IdempotencyKey | None = None) -> None:
    """Cancel; afterwards the payment reads `cancelled`.  A repeat with the same key changes nothing.

    Raises: ResourceNotFound, CancellationFailed when finished, OperationInProgress while another operation runs, IdempotencyKeyReused.
    """
    with pay.transaction() as tx:
        payment = None
        if is_public_id(payment_id):
            payment = find_payment(tx.connection, pay.cipher, PaymentId(payment_id), account_id=merchant.account.id, lock=True)
        if payment is None:
            raise ResourceNotFound("P0500")
        if key and claim_key(tx, key, scope=f"cancel:{payment.id}", result_id=payment.id, now=pay.clock.now()):
            return
        if payment.state in _BUSY:
            raise OperationInProgress
        if payment.public_state.finished:
            raise CancellationFailed
        payment = _begin(pay, tx, payment, BY_SERVICE, merchant.actor)
    void(pay, payment)


def cancel_by_payer(pay: Pay, payment_id: PaymentId) -> Payment:
    """Cancel; a payment that cannot be cancelled by the payer any more is returned as it is."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state in _BUSY or not payment.is_open:
            return payment
        payment = _begin(pay, tx, payment, BY_PAYER, PAYER)
    return void(pay, payment)


def expire(pay: Pay, payment_id: PaymentId) -> None:
    """End a payment whose time is over; where a gateway is being asked, or may have been paid, its answer comes first."""
    ask_before_expiry(pay, payment_id)
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state not in _BUSY:
            if payment.public_state.finished or payment.expires_at > pay.clock.now():
                return
            payment = _begin(pay, tx, payment, BY_TIME, SYSTEM)
    if payment.state in _BUSY:
        resume(pay, payment.id)
    else:
        void(pay, payment)


def expire_due(pay: Pay) -> int:
    """Expire a batch of payments whose time is over; return how many."""
    with pay.reading() as tx:
        due = find_due(tx.connection, pay.clock.now(), untouched_since=pay.clock.now() - UNTOUCHED_FOR, limit=EXPIRY_BATCH)
    for payment_id in due:
        expire(pay, payment_id)
    return len(due)


def _begin(pay: Pay, tx: Transaction, payment: Payment, ending: Ending, actor: str) -> Payment:
    """Move to the end where nothing is reserved, else into the lock."""
    if PAYMENT_TABLE.allows(payment.state, ending.done):
        return move(pay, tx, payment, ending.done, actor=actor)
    locked = move(pay, tx, payment, ending.ready, actor=actor)
    open_attempt(tx.connection, order_of(pay, payment, Action.VOID), payment.gateway, pay.clock.now())
    return locked


def void(pay: Pay, payment: Payment, *, is_again: bool = False) -> Payment:
    """Free the reservation of a payment that stands in a cancel lock; one whose gateway is silent waits for the resolver.

    Where it is done again, a gateway that would do a repeated order twice is asked first.  Raises: GatewayUnavailable (only then).
    """
    ending = _BY_LOCK.get(payment.state)
    if ending is None:
        return payment
    gateway, order = pay.gateways[payment.gateway], _void_order(pay, payment)
    outcome: Outcome | None = None
    if is_again and not gateway.repeats_safely:
        outcome = gateway.find(order)
        if outcome is None and not _claim_repeat(pay, payment):
            return payment
    if outcome is None:
        try:
            outcome = gateway.void(order)
        except GatewayUnavailable:
            outcome = ask(gateway, order)
    if outcome is None:
        return payment
    with pay.transaction() as tx:
        payment = require(pay, tx, payment.id)
        if payment.state is not ending.ready:
            return payment
        now = pay.clock.now()
        close_attempt(tx.connection, order.reference, outcome, now)
        if outcome.verdict is not Verdict.APPROVED:
            return move(pay, tx, payment, ending.failed, actor=SYSTEM)
        if payment.total_minor:
            book = get_account(tx.connection, payment.account_id).book
            post(tx.connection, ledger.voided(book, payment.id, payment.shares(book.beneficiary)), now)
        return move(pay, tx, payment, ending.done, actor=SYSTEM)


def _void_order(pay: Pay, payment: Payment) -> Order:
    """Return the order, with what the provider must be told again about the authorisation."""
    with pay.reading() as tx:
        facts = facts_of(tx.connection, payment.attempt_reference or reference_of(Action.AUTHORISE, payment.id))
    return replace(order_of(pay, payment, Action.VOID), facts=facts)


def _claim_repeat(pay: Pay, payment: Payment) -> bool:
    """Take the right to send a void again: one caller, when the last call is no longer on its way."""
    now = pay.clock.now()
    if payment.updated_at > now - ANSWER_PATIENCE:
        return False
    c = payments.c
    claimed = update(payments).where(c.id == payment.id, c.state == payment.state.value, c.updated_at == payment.updated_at)
    with pay.transaction() as tx:
        return tx.connection.execute(claimed.values(updated_at=now)).rowcount > 0


def resume(pay: Pay, payment_id: PaymentId) -> bool:
    """Continue where a crash or a silent gateway left a payment; True when nothing is left to do.

    Raises: GatewayUnavailable when the gateway cannot be asked just now.
    """
    with pay.reading() as tx:
        payment = find_payment(tx.connection, pay.cipher, payment_id)
    if payment is None:
        return True
    if payment.state is S.CAPTURE_READY:
        capture(pay, payment.id)
    elif payment.state in _BY_LOCK:
        return void(pay, payment, is_again=True).state not in _BY_LOCK
    elif payment.state is S.AUTHORISATION_3DS_READY:
        return resume_page(pay, payment, is_too_late=payment.updated_at <= pay.clock.now() - ANSWER_PATIENCE)
    elif payment.state is S.AUTHORISATION_READY and not pay.gateways[payment.gateway].takes_card_numbers_here:
        if payment.updated_at > pay.clock.now() - ANSWER_PATIENCE:
            return False
        give_up_page(pay, payment)
    elif payment.state is S.AUTHORISATION_READY:
        order = order_of(pay, payment, Action.AUTHORISE)
        outcome = pay.gateways[payment.gateway].find(order)
        if outcome is not None:
            settle_authorisation(pay, payment.id, order.reference, outcome)
        elif payment.updated_at <= pay.clock.now() - ANSWER_PATIENCE:
            give_up_authorisation(pay, payment.id)
        else:
            return False
    return True
