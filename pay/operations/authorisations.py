"""Authorise: the intent, the call, the outcome, each by itself.  Spec: pay-api.md §7.1, pay-design.md §4.2."""

from datetime import timedelta

from pay.context import Pay
from pay.errors import CardPageNotAllowed
from pay.models.account import get_account
from pay.models.attempt import close_attempt, open_attempt, reference_of
from pay.models.ledger import post
from pay.models.payment import find_payment, seal_payer
from pay.operations.moves import PAYER, SYSTEM, move
from pay.providers.base import Action, CardDetails, Gateway, GatewayUnavailable, Order, Outcome, Verdict
from pay.standards import ledger
from pay.standards.cards import brand_of
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Payer, Payment
from pay.standards.payment_states import PaymentState
from shared.context import Transaction

RESUME_JOB = "resume_payment"
CLEAN_UP_JOB = "clean_up_authorisation"
LOCK_PATIENCE = timedelta(seconds=60)
"""A lock younger than this may still be held by a living process."""
ANSWER_PATIENCE = timedelta(minutes=2)
"""How long a gateway that knows nothing of our call is asked again: the call may still be on its way."""
CLEAN_UP_AFTER = timedelta(minutes=5)

S = PaymentState
_VERDICTS = {Verdict.APPROVED: S.AUTHORISATION_SUCCESS, Verdict.DECLINED: S.AUTHORISATION_REJECTED, Verdict.ERROR: S.AUTHORISATION_ERROR}


def require(pay: Pay, tx: Transaction, payment_id: PaymentId) -> Payment:
    """Return a payment that is known to exist, its row locked until the commit.  Raises: LookupError."""
    payment = find_payment(tx.connection, pay.cipher, payment_id, lock=True)
    if payment is None:
        raise LookupError("no such payment")
    return payment


def order_of(payment: Payment, action: Action) -> Order:
    """Return the order for the one call of a kind that a payment gets."""
    return Order(reference_of(action, payment.id), payment.id, payment.amount_minor, payment.currency, payment.provider_id or "")


def ask(gateway: Gateway, reference: str) -> Outcome | None:
    """Ask a gateway that gave no answer what became of our call; None when it cannot say or never heard of it."""
    try:
        return gateway.find(reference)
    except GatewayUnavailable:
        return None


def authorise(pay: Pay, payment_id: PaymentId, card: CardDetails, payer: Payer, *, card_type: str | None) -> Payment:
    """Reserve the amount on a card; returns the payment, still in AUTHORISATION_READY while the outcome is not known.

    Raises: CardPageNotAllowed outside the sandbox (in code, not by configuration), WrongState, OperationInProgress.
    """
    brand = brand_of(card.number.digits)
    if brand is None:
        raise ValueError("the form lets no other card through")
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        gateway = pay.gateways[payment.gateway]
        if not gateway.takes_card_numbers_here or get_account(tx.connection, payment.account_id).is_live:
            raise CardPageNotAllowed
        kept = {
            "payer_sealed": seal_payer(pay.cipher, payment.account_id, payer),
            "card_brand": brand.label,
            "card_type": card_type,
            "first_digits": card.number.first_digits,
            "last_digits": card.number.last_digits,
            "card_expiry": f"{card.expiry_month:02d}/{card.expiry_year % 100:02d}",
        }
        payment = move(pay, tx, payment, S.AUTHORISATION_READY, actor=PAYER, changes=kept)
        order = order_of(payment, Action.AUTHORISE)
        open_attempt(tx.connection, order.reference, payment.id, Action.AUTHORISE, pay.clock.now())
    try:
        outcome: Outcome | None = gateway.authorise(order, card)
    except GatewayUnavailable:
        outcome = ask(gateway, order.reference)
    if outcome is None:
        with pay.transaction() as tx:
            tx.enqueue(RESUME_JOB, {"payment_id": payment.id})
        return payment
    return settle_authorisation(pay, payment.id, outcome)


def settle_authorisation(pay: Pay, payment_id: PaymentId, outcome: Outcome) -> Payment:
    """Write down what the gateway answered; leaves quietly when that was done already."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is not S.AUTHORISATION_READY:
            return payment
        close_attempt(tx.connection, reference_of(Action.AUTHORISE, payment.id), outcome, pay.clock.now())
        payment = move(pay, tx, payment, _VERDICTS[outcome.verdict], actor=SYSTEM, changes={"provider_id": outcome.provider_id})
        if payment.state is S.AUTHORISATION_SUCCESS and payment.amount_minor:
            book = get_account(tx.connection, payment.account_id).book
            post(tx.connection, ledger.authorised(book, payment.id, payment.amount_minor), pay.clock.now())
        return payment


def give_up_authorisation(pay: Pay, payment_id: PaymentId) -> None:
    """End a payment whose gateway never heard of it; what might still turn up there is cleaned up later."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is S.AUTHORISATION_READY:
            move(pay, tx, payment, S.AUTHORISATION_TIMEOUT, actor=SYSTEM)
            tx.enqueue(CLEAN_UP_JOB, {"payment_id": payment.id}, due_at=pay.clock.now() + CLEAN_UP_AFTER)


def clean_up_authorisation(pay: Pay, payment_id: PaymentId) -> None:
    """Free what a gateway may have reserved after we gave up.  Raises: GatewayUnavailable (safe to repeat)."""
    with pay.reading() as tx:
        payment = find_payment(tx.connection, pay.cipher, payment_id)
    if payment is None or payment.state is not S.AUTHORISATION_TIMEOUT:
        return
    gateway = pay.gateways[payment.gateway]
    outcome = gateway.find(reference_of(Action.AUTHORISE, payment.id))
    if outcome is None:
        target = S.AUTHORISATION_ERROR_CHARGE_MISSING
    elif outcome.verdict is Verdict.APPROVED:
        gateway.void(order_of(payment, Action.VOID))
        target = S.AUTHORISATION_ERROR_CANCELLED
    else:
        target = S.AUTHORISATION_ERROR_REJECTED
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is S.AUTHORISATION_TIMEOUT:
            move(pay, tx, payment, target, actor=SYSTEM)
