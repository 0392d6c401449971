"""Refunds: reserved under the payment's lock, paid by the gateway between transactions.  Spec: pay-api.md §9."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import update

from pay.context import Merchant, Pay
from pay.errors import PaymentDisputed, RefundMismatch, RefundNotAvailable, ResourceNotFound
from pay.models.account import get_account
from pay.models.attempt import facts_of, open_attempt, reference_of
from pay.models.dispute import is_disputed
from pay.models.payment import find_payment
from pay.models.payout import list_of_payment
from pay.models.refund import UNFINISHED, Refund, find_refund, list_refunds, list_unfinished, refunds
from pay.operations.accounts import check_usable
from pay.operations.authorisations import ANSWER_PATIENCE
from pay.operations.calls import ask, order_of, require
from pay.operations.idempotency import IdempotencyKey, claim_key
from pay.operations.payments import require_payment
from pay.operations.refund_moves import JOB, move_refund, reserve, settle
from pay.providers.base import Action, Gateway, GatewayUnavailable, Order, Outcome, StillWaiting
from pay.standards import ledger
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId, RefundId, is_public_id
from pay.standards.ledger import Share
from pay.standards.payment_object import Payment
from pay.standards.payout_states import ENDED_UNPAID
from pay.standards.refund_states import Refundable, RefundState, refundable
from shared.transaction import Transaction

S = RefundState
GUARD_AFTER = timedelta(seconds=20)
"""Where a gateway answers at once the request itself asks it; the job stands behind, for a crash in between."""
ASK_AGAIN_AFTER = timedelta(hours=1)
"""A refund that its job has left (it waits at the bank, or the gateway was away too long) is asked for so often, until it ends."""
UNFINISHED_BATCH = 500


@dataclass(frozen=True)
class NewRefund:
    """What a caller asks for; `available_minor` is what the caller believes is left, if it says so."""

    amount_minor: int
    available_minor: int | None


def create_refund(pay: Pay, merchant: Merchant, payment_id: str, order: NewRefund, key: IdempotencyKey | None = None) -> Refund:
    """Reserve a refund and have it paid; a repeat with the same key returns the first one.

    Raises: ResourceNotFound, AccountSuspended, RefundNotAvailable, RefundMismatch, PaymentDisputed, IdempotencyKeyReused.
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
            if is_disputed(tx.connection, payment.id):
                raise PaymentDisputed
            left = shares_left(pay, tx, payment, get_account(tx.connection, payment.account_id).book.beneficiary)
            reserve(pay, tx, payment, refund_id, ledger.split_refund(left, order.amount_minor), actor=merchant.actor)
            due_at = pay.clock.now() + GUARD_AFTER if pay.gateways[payment.gateway].settles_refunds_at_once else None
            tx.enqueue(JOB, {"refund_id": refund_id}, due_at=due_at)
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
    status = refundable(payment.state, payment.total_minor, payment.refunded_minor, mode=payment.authorisation_mode)
    if status is not Refundable.AVAILABLE:
        raise RefundNotAvailable(status.value)
    if order.available_minor is not None and order.available_minor != payment.available_minor:
        raise RefundMismatch
    if order.amount_minor > payment.available_minor:
        raise RefundNotAvailable("amount_not_available")


def shares_left(pay: Pay, tx: Transaction, payment: Payment, beneficiary: str) -> tuple[Share, ...]:
    """Return what each beneficiary of a payment still has of it, after refunds and pay-outs; the payment's row is locked."""
    given: Counter[str] = Counter()
    for refund in list_refunds(tx.connection, payment.id):
        if refund.state is not RefundState.ERROR:
            given.update({share.beneficiary: share.amount_minor for share in refund.shares_or(beneficiary)})
    for payout in list_of_payment(tx.connection, pay.cipher, payment.id):
        if payout.state not in ENDED_UNPAID:
            given.update({share.beneficiary: share.amount_minor for share in payout.shares})
    return tuple(replace(share, amount_minor=share.amount_minor - given[share.beneficiary]) for share in payment.shares(beneficiary))


def _try_now(pay: Pay, refund_id: RefundId) -> None:
    try:
        pay_refund(pay, refund_id)
    except GatewayUnavailable:
        return  # the job that stands behind asks again


def pay_refund(pay: Pay, refund_id: RefundId) -> None:
    """Have a gateway pay a refund; also where a crash left it between the call and the outcome.

    A gateway that would do a repeated order twice is asked first what became of it, and has one refund of a payment at a time.
    Raises: GatewayUnavailable (to be repeated later), StillWaiting (`ask_unfinished` asks again).
    """
    with pay.transaction() as tx:
        refund = find_refund(tx.connection, refund_id, lock=True)
        if refund is None or refund.state not in {RefundState.CREATED, RefundState.SUBMITTED}:
            return
        payment = require(pay, tx, refund.payment_id)
        gateway = pay.gateways[payment.gateway]
        order = _order(pay, tx, payment, refund)
        is_first_call = refund.state is RefundState.CREATED
        if is_first_call:
            if not gateway.repeats_safely and _another_under_way(tx, refund):
                raise StillWaiting("another refund of this payment is under way")
            refund = move_refund(pay, tx, refund, RefundState.SUBMITTED)
            open_attempt(tx.connection, order, payment.gateway, pay.clock.now())
    settle(pay, refund_id, order.reference, _ask_for(pay, gateway, order, refund, is_first_call=is_first_call))


def _ask_for(pay: Pay, gateway: Gateway, order: Order, refund: Refund, *, is_first_call: bool) -> Outcome:
    if not is_first_call:
        outcome = gateway.find(order)
        if outcome is not None:
            return outcome
        if not gateway.repeats_safely:
            _claim_repeat(pay, refund)
    try:
        return gateway.refund(order)
    except StillWaiting:
        raise
    except GatewayUnavailable:
        outcome = ask(gateway, order)
    if outcome is None:
        raise GatewayUnavailable("what became of a refund is not known")
    return outcome


def _claim_repeat(pay: Pay, refund: Refund) -> None:
    """Take the right to send an order again: one caller, when the last call is no longer on its way.  Raises: GatewayUnavailable."""
    now = pay.clock.now()
    if now - refund.updated_at < ANSWER_PATIENCE:
        raise GatewayUnavailable("the call may still be on its way")
    c = refunds.c
    claimed = update(refunds).where(c.id == refund.id, c.state == refund.state.value, c.updated_at == refund.updated_at)
    with pay.transaction() as tx:
        if not tx.connection.execute(claimed.values(updated_at=now)).rowcount:
            raise GatewayUnavailable("another process is asking")


def ask_unfinished(pay: Pay) -> None:
    """Ask for the refunds that no job asks for any more; each of them again an hour later.  Spec: pay-design.md §13.7."""
    with pay.reading() as tx:
        left = list_unfinished(tx.connection, pay.clock.now() - ASK_AGAIN_AFTER, limit=UNFINISHED_BATCH)
    for refund_id in left:
        try:
            pay_refund(pay, refund_id)
        except GatewayUnavailable:
            still_open = update(refunds).where(refunds.c.id == refund_id, refunds.c.state.in_(UNFINISHED))
            with pay.transaction() as tx:
                tx.connection.execute(still_open.values(updated_at=pay.clock.now()))


def _order(pay: Pay, tx: Transaction, payment: Payment, refund: Refund) -> Order:
    """Return the order for a refund: with what was told about the payment, and what earlier refunds left of it."""
    others = [other for other in list_refunds(tx.connection, payment.id) if other.id != refund.id]
    earlier = [other for other in others if other.state is RefundState.REFUNDED]
    gone = Counter[str]()
    for other in earlier:
        gone.update({share.beneficiary: share.amount_minor for share in other.shares})
    return replace(
        order_of(pay, payment, Action.REFUND),
        reference=reference_of(Action.REFUND, refund.id),
        amount_minor=refund.amount_minor,
        facts=facts_of(tx.connection, payment.attempt_reference or reference_of(Action.AUTHORISE, payment.id)),
        taken_minor=payment.total_minor - sum(other.amount_minor for other in earlier),
        taken_shares=tuple((share.beneficiary, share.amount_minor - gone[share.beneficiary]) for share in payment.allocations),
        shares=tuple((share.beneficiary, share.amount_minor) for share in refund.shares) if payment.allocations else (),
        others=frozenset(other.provider_id for other in others if other.provider_id),
    )


def _another_under_way(tx: Transaction, refund: Refund) -> bool:
    return any(other.state is RefundState.SUBMITTED and other.id != refund.id for other in list_refunds(tx.connection, refund.payment_id))


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
