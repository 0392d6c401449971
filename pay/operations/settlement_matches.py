"""What a line of a settlement file is about: a payment, a child of a mall, a refund, a dispute, or money that stands in suspense.

Spec: pay-design.md §3.  A channel's file may say less than we know (a charge-back looks like a refund): the kind is the match's.
"""

from dataclasses import dataclass

from sqlalchemy import func, or_, select

from pay.context import Pay
from pay.models.attempt import attempts
from pay.models.dispute import disputes
from pay.models.payment import find_by_provider_id, find_payment, payments
from pay.models.refund import list_refunds, refunds
from pay.models.settlement import settlement_lines
from pay.models.suspense import SuspenseItem, item_of, suspense_items
from pay.standards.dispute_states import DisputeState
from pay.standards.identifiers import PaymentId, RefundId
from pay.standards.ledger import Share
from pay.standards.mall_orders import read_child_order
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PaymentState
from pay.standards.refund_states import RefundState
from pay.standards.settlement_files import LineKind, SettlementLine
from pay.standards.suspense_states import SuspenseState
from shared.transaction import Transaction

K = LineKind


@dataclass(frozen=True)
class Match:
    """What a line is about, as far as we know: `open_minor` is what we still wait for, `is_told` where the payment hears of it."""

    kind: LineKind
    account_id: str | None = None
    payment_id: str | None = None
    refund_id: RefundId | None = None
    open_minor: int = 0
    is_settled: bool = False
    is_told: bool = True


def match(pay: Pay, tx: Transaction, gateway: str, line: SettlementLine) -> Match:
    """Find what a line is about: by the provider's name for it, or by ours."""
    payment = _payment(pay, tx, gateway, line)
    if payment is not None and payment.currency != line.currency:
        return Match(line.kind)
    if line.kind is K.REFUND:
        return _went_back(tx, gateway, line, payment)
    if line.kind is K.PAYMENT:
        return _taken(tx, gateway, line, payment)
    return Match(line.kind, payment.account_id, payment.id, open_minor=line.amount_minor) if payment else Match(line.kind)


def _payment(pay: Pay, tx: Transaction, gateway: str, line: SettlementLine) -> Payment | None:
    return find_by_provider_id(tx.connection, pay.cipher, gateway, line.reference) or _by_reference(pay, tx, gateway, line.reference)


def _by_reference(pay: Pay, tx: Transaction, gateway: str, reference: str) -> Payment | None:
    """Return the payment of one of our own references: an attempt's, a child's of a mall, or the payment's id."""
    child = read_child_order(reference)
    named = attempts.c.reference.between(child.begin, child.begin + "zz") if child else attempts.c.reference == reference
    statement = select(attempts.c.payment_id).where(named, attempts.c.gateway == gateway).limit(1)
    payment_id = tx.connection.execute(statement).scalar_one_or_none() or reference
    found = find_payment(tx.connection, pay.cipher, PaymentId(str(payment_id)[:26]))
    return found if found is not None and found.gateway == gateway else None


def _share(line: SettlementLine, payment: Payment) -> Share | None:
    child = read_child_order(line.reference)
    return payment.allocations[child.place] if child and child.place < len(payment.allocations) else None


def _taken(tx: Transaction, gateway: str, line: SettlementLine, payment: Payment | None) -> Match:
    """Money that came: for a payment or a child of it, back from a dispute, or for what stands in suspense already."""
    if payment is None:
        return _suspended(tx, gateway, line, None) or Match(K.PAYMENT)
    if payment.state is not PaymentState.CAPTURED:
        return _suspended(tx, gateway, line, payment) or Match(K.PAYMENT, payment.account_id, payment.id)
    share = _share(line, payment)
    is_settled = _came_before(tx, gateway, line) if share else payment.settled_on is not None
    if is_settled and _came_back(tx, line, payment):
        return Match(K.DISPUTE_REVERSAL, payment.account_id, payment.id, open_minor=line.amount_minor)
    owed = share.amount_minor if share else payment.total_minor
    return Match(K.PAYMENT, payment.account_id, payment.id, open_minor=0 if is_settled else owed, is_settled=is_settled)


def _came_before(tx: Transaction, gateway: str, line: SettlementLine) -> bool:
    c = settlement_lines.c
    same = select(c.line_key).where(c.gateway == gateway, c.provider_id == line.reference, c.kind == line.kind.value)
    return tx.connection.execute(same.limit(1)).one_or_none() is not None


def _went_back(tx: Transaction, gateway: str, line: SettlementLine, payment: Payment | None) -> Match:
    """Money that a channel kept back: for a refund, a dispute, or out of suspense; nothing is known of it where nothing was open."""
    found = _refund(tx, gateway, line)
    if found is None and payment is not None:
        found = _refund_of_child(tx, gateway, line, payment) or _charged_back(tx, line, payment)
    found = found or _given_back(tx, gateway, line)
    if found is None and payment is not None:
        found = Match(K.REFUND, payment.account_id, payment.id)
    return found or Match(K.REFUND)


def _suspended(tx: Transaction, gateway: str, line: SettlementLine, payment: Payment | None) -> Match | None:
    """Money that we heard of before the channel paid it: it is on the work list, and booked as owed by the channel."""
    item = _item(tx, gateway, line, payment)
    if item is None or _came_before(tx, gateway, line):
        return None
    return Match(K.PAYMENT, item.account_id, item.payment_id, open_minor=item.amount_minor, is_told=False)


def _given_back(tx: Transaction, gateway: str, line: SettlementLine) -> Match | None:
    """Money out of suspense that the channel gave back."""
    item = _item(tx, gateway, line, None)
    if item is None or item.state is not SuspenseState.REFUNDED or item.amount_minor != line.amount_minor:
        return None
    return Match(K.REFUND, item.account_id, item.payment_id, open_minor=line.amount_minor, is_told=False)


def _item(tx: Transaction, gateway: str, line: SettlementLine, payment: Payment | None) -> SuspenseItem | None:
    c = suspense_items.c
    named = c.provider_id == line.reference
    if payment is not None:
        named = or_(named, (c.payment_id == payment.id) & (c.amount_minor == line.amount_minor) & ~c.provider_id.startswith("settlement:"))
    statement = select(suspense_items).where(c.channel == gateway, c.currency == line.currency, named).order_by(c.created_at, c.id).limit(1)
    row = tx.connection.execute(statement).one_or_none()
    return None if row is None else item_of(row)


def _refund(tx: Transaction, gateway: str, line: SettlementLine) -> Match | None:
    """Find the refund: by its own name, or as the oldest one of its payment with this amount that is not settled yet."""
    open_ones = (
        select(refunds.c.id, refunds.c.payment_id, payments.c.account_id)
        .join(payments, payments.c.id == refunds.c.payment_id)
        .where(payments.c.gateway == gateway, refunds.c.amount_minor == line.amount_minor, refunds.c.settled_on.is_(None))
        .where(refunds.c.state != RefundState.ERROR.value)
        .order_by(refunds.c.created_at, refunds.c.id)
        .limit(1)
    )
    named = open_ones.where((refunds.c.id == line.reference) | (refunds.c.provider_id == line.reference))
    of_payment = open_ones.where(
        (payments.c.provider_id == line.reference) | (payments.c.attempt_reference == line.reference),
        refunds.c.state == RefundState.REFUNDED.value,
    )
    row = tx.connection.execute(named).one_or_none() or tx.connection.execute(of_payment).one_or_none()
    if row is None:
        return None
    return Match(K.REFUND, row.account_id, row.payment_id, RefundId(row.id), open_minor=line.amount_minor)


def _refund_of_child(tx: Transaction, gateway: str, line: SettlementLine, payment: Payment) -> Match | None:
    """A child's part of a refund: the oldest one with this part that no line has told of."""
    share = _share(line, payment)
    if share is None:
        return None
    c = settlement_lines.c
    told = select(func.count()).where(
        c.gateway == gateway, c.provider_id == line.reference, c.kind == K.REFUND.value, c.amount_minor == line.amount_minor
    )
    mine = [
        refund.id
        for refund in list_refunds(tx.connection, payment.id)
        if refund.state is RefundState.REFUNDED
        and any(part.beneficiary == share.beneficiary and part.amount_minor == line.amount_minor for part in refund.shares)
    ][tx.connection.execute(told).scalar_one() :]
    return Match(K.REFUND, payment.account_id, payment.id, mine[0], open_minor=line.amount_minor) if mine else None


def _charged_back(tx: Transaction, line: SettlementLine, payment: Payment) -> Match | None:
    """What a channel keeps back for a dispute, in a file that does not tell it from a refund."""
    c = disputes.c
    held = select(c.id).where(c.payment_id == payment.id, c.amount_minor == line.amount_minor, c.settled_on.is_(None)).limit(1)
    if tx.connection.execute(held).one_or_none() is None:
        return None
    return Match(K.DISPUTE, payment.account_id, payment.id, open_minor=line.amount_minor)


def _came_back(tx: Transaction, line: SettlementLine, payment: Payment) -> bool:
    """Answer whether a line is the money of a dispute that was won and had been kept back, and no line before it was."""
    d, c = disputes.c, settlement_lines.c
    won = select(func.count()).where(
        d.payment_id == payment.id, d.amount_minor == line.amount_minor, d.state == DisputeState.WON.value, d.settled_on.is_not(None)
    )
    told = select(func.count()).where(c.payment_id == payment.id, c.amount_minor == line.amount_minor, c.kind == K.DISPUTE_REVERSAL.value)
    return tx.connection.execute(won).scalar_one() > tx.connection.execute(told).scalar_one()
