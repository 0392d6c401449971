"""Authorise: the intent, the call, the outcome, each by itself.  Spec: pay-api.md §7.1, pay-design.md §4.2."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from pay.context import Pay
from pay.errors import CardPageNotAllowed
from pay.models.account import Account, get_account
from pay.models.attempt import close_attempt, open_attempt, reference_of
from pay.models.ledger import post
from pay.models.payment import find_payment, payer_grams, seal_payer
from pay.operations.agreements import deactivate
from pay.operations.calls import ask, order_of, require
from pay.operations.captures import approve
from pay.operations.moves import PAYER, SYSTEM, move
from pay.providers.base import Action, CardDetails, CardGateway, Gateway, GatewayUnavailable, Order, Outcome, Verdict
from pay.providers.sandbox import kind_of
from pay.standards import ledger
from pay.standards.cards import LABEL_OF_PROVIDER, brand_of
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Payer, Payment
from pay.standards.payment_states import PaymentState
from shared.transaction import Transaction

RESUME_JOB = "resume_payment"
CLEAN_UP_JOB = "clean_up_authorisation"
LOCK_PATIENCE = timedelta(seconds=60)
"""A lock younger than this may still be held by a living process."""
ANSWER_PATIENCE = timedelta(minutes=2)
"""How long a gateway that knows nothing of our call is asked again: the call may still be on its way."""
CLEAN_UP_AFTER = timedelta(minutes=5)

S = PaymentState
_VERDICTS = {Verdict.APPROVED: S.AUTHORISATION_SUCCESS, Verdict.DECLINED: S.AUTHORISATION_REJECTED, Verdict.ERROR: S.AUTHORISATION_ERROR}
NOT_CONFIRMED_BY_PAYER = frozenset({"moto_api", "agreement"})
_UNDER_WAY = frozenset({S.AUTHORISATION_READY, S.AUTHORISATION_3DS_READY})


def card_gateway(pay: Pay, payment: Payment, account: Account) -> CardGateway:
    """Return the gateway that is told card numbers here.

    Raises: CardPageNotAllowed outside the sandbox: in code, not by configuration.  Spec: pay-design.md §5.
    """
    gateway = pay.gateways[payment.gateway]
    if not gateway.takes_card_numbers_here or account.is_live or not isinstance(gateway, CardGateway):
        raise CardPageNotAllowed
    return gateway


def next_reference(payment: Payment) -> str:
    """Return our name for the next attempt of a payment."""
    first = reference_of(Action.AUTHORISE, payment.id)
    return first if not payment.attempts_made else f"{first}-{payment.attempts_made + 1}"


def begin_attempt(pay: Pay, tx: Transaction, payment: Payment, reference: str, *, actor: str, changes: Mapping[str, object]) -> Payment:
    """Move a payment into the lock of an authorisation, and write the attempt down before anybody is called."""
    counted: dict[str, object] = {"attempt_reference": reference, "attempts_made": payment.attempts_made + 1}
    payment = move(pay, tx, payment, S.AUTHORISATION_READY, actor=actor, changes=counted | dict(changes))
    open_attempt(tx.connection, order_of(pay, payment, Action.AUTHORISE), payment.gateway, pay.clock.now())
    return payment


def surcharge_of(account: Account, digits: str) -> int:
    """Return what a card costs more; nothing where it is not known to be a corporate one.  Spec: §19."""
    kind = kind_of(digits)
    if not kind.is_corporate:
        return 0
    if kind.is_prepaid:
        return account.surcharge_prepaid_minor
    return account.surcharge_debit_minor if kind.card_type == "debit" else account.surcharge_credit_minor


def authorise(pay: Pay, payment_id: PaymentId, card: CardDetails, payer: Payer, *, actor: str = PAYER) -> Payment:
    """Reserve the amount on a card; returns the payment, still in AUTHORISATION_READY while the outcome is not known.

    Raises: CardPageNotAllowed, WrongState, OperationInProgress.
    """
    brand = brand_of(card.number.digits)
    if brand is None:
        raise ValueError("the form lets no other card through")
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        account = get_account(tx.connection, payment.account_id)
        gateway = card_gateway(pay, payment, account)
        kept = {
            "payer_sealed": seal_payer(pay.cipher, payment.account_id, payer),
            "payer_grams": payer_grams(pay.cipher, payer),
            "card_brand": brand.label,
            "card_type": kind_of(card.number.digits).card_type,
            "first_digits": card.number.first_digits,
            "last_digits": card.number.last_digits,
            "card_expiry": f"{card.expiry_month:02d}/{card.expiry_year % 100:02d}",
            "surcharge_minor": surcharge_of(account, card.number.digits),
        }
        payment = begin_attempt(pay, tx, payment, next_reference(payment), actor=actor, changes=kept)
    return call(pay, payment, gateway, lambda order: gateway.authorise(order, card))


def call(pay: Pay, payment: Payment, gateway: Gateway, ask_for: Callable[[Order], Outcome]) -> Payment:
    """Ask for an authorisation that is written down; where the answer is lost, ask what became of it, and leave it to a job."""
    order = order_of(pay, payment, Action.AUTHORISE)
    try:
        outcome: Outcome | None = ask_for(order)
    except GatewayUnavailable:
        outcome = ask(gateway, order)
    if outcome is None:
        with pay.transaction() as tx:
            tx.enqueue(RESUME_JOB, {"payment_id": payment.id})
        return payment
    return settle_authorisation(pay, payment.id, order.reference, outcome)


def settle_authorisation(pay: Pay, payment_id: PaymentId, reference: str, outcome: Outcome) -> Payment:
    """Write down what the gateway answered to an attempt; leaves quietly when that was done already."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state not in _UNDER_WAY or payment.attempt_reference not in {reference, None}:
            return payment
        close_attempt(tx.connection, reference, outcome, pay.clock.now())
        if outcome.verdict is Verdict.APPROVED:
            return _succeed(pay, tx, payment, outcome)
        if outcome.verdict is Verdict.DECLINED and may_try_again(pay, payment):
            return move(pay, tx, payment, S.ENTERING_CARD_DETAILS, actor=SYSTEM, changes={"surcharge_minor": 0})
        changes: dict[str, object] = {"provider_id": outcome.provider_id or None}
        if payment.authorisation_mode == "agreement":
            changes["can_retry"] = outcome.may_retry
            if not outcome.may_retry:
                deactivate(pay, tx, payment)
        return move(pay, tx, payment, _VERDICTS[outcome.verdict], actor=SYSTEM, changes=changes)


def may_try_again(pay: Pay, payment: Payment) -> bool:
    """True while a payer who was declined may try again within the same payment.  Spec: §25."""
    in_time = payment.expires_at > pay.clock.now()
    return payment.authorisation_mode == "web" and payment.attempts_made < payment.attempts_max and in_time


def _succeed(pay: Pay, tx: Transaction, payment: Payment, outcome: Outcome) -> Payment:
    payment = move(pay, tx, payment, S.AUTHORISATION_SUCCESS, actor=SYSTEM, changes={"provider_id": outcome.provider_id} | _told(outcome))
    if payment.authorisation_mode in NOT_CONFIRMED_BY_PAYER:
        payment = approve(pay, tx, payment, SYSTEM, queued=True)
    elif not pay.gateways[payment.gateway].takes_card_numbers_here:
        payment = approve(pay, tx, payment, PAYER)  # the payer has confirmed on the provider's page: pay-design §7.1
    if payment.total_minor:
        book = get_account(tx.connection, payment.account_id).book
        post(tx.connection, ledger.authorised(book, payment.id, payment.shares(book.beneficiary)), pay.clock.now())
    return payment


def _told(outcome: Outcome) -> dict[str, object]:
    """Return what a provider's page told of the card; where the card was typed here it is known already."""
    columns = {"last_digits": "last_digits", "card_type": "card_type", "expiry": "card_expiry", "brand": "card_brand"}
    told = {column: outcome.facts[name] for name, column in columns.items() if outcome.facts.get(name)}
    if "card_brand" in told:
        told["card_brand"] = LABEL_OF_PROVIDER.get(str(told["card_brand"]), str(told["card_brand"])[:20])
    return dict(told)


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
    outcome = gateway.find(order_of(pay, payment, Action.AUTHORISE))
    if outcome is None:
        target = S.AUTHORISATION_ERROR_CHARGE_MISSING
    elif outcome.verdict is Verdict.APPROVED:
        gateway.void(order_of(pay, payment, Action.VOID))
        target = S.AUTHORISATION_ERROR_CANCELLED
    else:
        target = S.AUTHORISATION_ERROR_REJECTED
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is S.AUTHORISATION_TIMEOUT:
            move(pay, tx, payment, target, actor=SYSTEM)
