"""Settlement: what a channel paid to our bank, compared line by line with what it took.  The same file twice gives the same books.

Spec: pay-design.md §3, §13.11.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from pay.context import Pay
from pay.events import BooksAction
from pay.models.attempt import attempts
from pay.models.dispute import disputes
from pay.models.ledger import post
from pay.models.payment import find_by_provider_id, find_payment, payments
from pay.models.refund import find_refund, refunds
from pay.models.settlement import settlement_files, settlement_lines
from pay.operations.suspense import receive
from pay.standards import ledger_movements
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId, RefundId
from pay.standards.ledger_movements import Channel, SettledAmounts
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PaymentState
from pay.standards.refund_states import RefundState
from pay.standards.settlement_files import LineKind, SettlementLine, read_settlement
from pay.standards.suspense_states import SuspenseReason
from shared.context import Transaction

MATCHED, UNKNOWN, WRONG_AMOUNT, DOUBLE, REPEATED = "matched", "unknown", "wrong_amount", "double", "repeated"


@dataclass(frozen=True)
class Imported:
    """What became of the lines of a file: how many were matched, wrong, unknown, or there before."""

    file_id: str
    lines: int
    results: dict[str, int]

    @property
    def is_clean(self) -> bool:
        """True when every line is what we waited for, or was there before."""
        return not set(self.results) - {MATCHED, REPEATED}


@dataclass(frozen=True)
class _Match:
    """What a line is about, as far as we know: `open_minor` is what we still wait for."""

    account_id: str | None
    payment_id: PaymentId | None
    refund_id: RefundId | None
    open_minor: int
    is_settled: bool


def import_settlement(pay: Pay, gateway: str, name: str, raw: bytes, *, actor: str) -> Imported:
    """Import a file in one transaction: all lines are in the books, or none.  Raises: UnreadableFile."""
    lines = read_settlement(gateway, raw)
    now = pay.clock.now()
    row = {
        "id": pay.ids.pick(ALPHABET, LENGTH),
        "gateway": gateway,
        "name": name[:200],
        "sha256": hashlib.sha256(raw).hexdigest(),
        "lines": len(lines),
        "imported_by": actor,
        "imported_at": now,
    }
    with pay.transaction() as tx:
        statement = insert(settlement_files).values(row).on_conflict_do_nothing().returning(settlement_files.c.id)
        file_id = tx.connection.execute(statement).scalar_one_or_none()
        if file_id is None:
            known = select(settlement_files.c.id).where(settlement_files.c.gateway == gateway, settlement_files.c.sha256 == row["sha256"])
            return Imported(tx.connection.execute(known).scalar_one(), len(lines), {REPEATED: len(lines)})
        results = Counter(_take(pay, tx, gateway, str(file_id), line) for line in lines)
        facts: dict[str, str | int | bool | list[str]] = {"gateway": gateway, "lines": len(lines)}
        tx.record(BooksAction.SETTLEMENT_IMPORTED, actor=actor, object_id=str(file_id), data=facts | dict(results))
    return Imported(str(file_id), len(lines), dict(results))


def _take(pay: Pay, tx: Transaction, gateway: str, file_id: str, line: SettlementLine) -> str:
    """Write one line down, once whatever file it comes in, post it, and say what it was."""
    match = _match(pay, tx, gateway, line)
    is_payment = line.kind in {LineKind.PAYMENT, LineKind.DISPUTE_REVERSAL}
    matched = min(line.amount_minor, match.open_minor) if is_payment else line.amount_minor
    unexplained = line.amount_minor - matched
    if match.account_id is None:
        result = UNKNOWN
    elif match.is_settled:
        result = DOUBLE
    else:
        result = MATCHED if line.amount_minor == match.open_minor else WRONG_AMOUNT
    row = {
        "gateway": gateway,
        "line_key": line.key,
        "file_id": file_id,
        "kind": line.kind.value,
        "provider_id": line.reference,
        "currency": line.currency,
        "amount_minor": line.amount_minor,
        "fee_minor": line.fee_minor,
        "settled_on": line.settled_on,
        "result": result,
        "account_id": match.account_id,
        "payment_id": match.payment_id,
        "refund_id": match.refund_id,
    }
    if not tx.connection.execute(insert(settlement_lines).values(row).on_conflict_do_nothing()).rowcount:
        return REPEATED
    channel = Channel(gateway, match.account_id, pay.settings.settlement_bank, line.currency)
    amounts = SettledAmounts(matched, unexplained, line.fee_minor)
    make = ledger_movements.settlement_received if is_payment else ledger_movements.settlement_taken_back
    line_id = hashlib.sha256(f"{gateway}:{line.key}".encode()).hexdigest()[:40]
    post(tx.connection, make(channel, line_id, match.payment_id or "", amounts), pay.clock.now())
    if match.open_minor:
        _mark(tx, line, match, result)
    if unexplained:
        _suspend(pay, tx, gateway, line, match, amount_minor=unexplained, result=result)
    return result


def _mark(tx: Transaction, line: SettlementLine, match: _Match, result: str) -> None:
    """Tell the payment, or the refund, on which day its money came, and what it cost."""
    if result not in {MATCHED, WRONG_AMOUNT}:
        return
    if match.refund_id is not None:
        tx.connection.execute(update(refunds).where(refunds.c.id == match.refund_id).values(settled_on=line.settled_on))
    elif match.payment_id is not None and line.kind is LineKind.PAYMENT:
        told = {"settled_on": line.settled_on, "fee_minor": line.fee_minor, "version": payments.c.version + 1}
        tx.connection.execute(update(payments).where(payments.c.id == match.payment_id).values(told))
    elif match.payment_id is not None and line.kind is LineKind.DISPUTE:
        d = disputes.c
        first = select(d.id).where(d.payment_id == match.payment_id, d.settled_on.is_(None)).order_by(d.created_at, d.id).limit(1)
        tx.connection.execute(update(disputes).where(d.id == first.scalar_subquery()).values(settled_on=line.settled_on))


def _suspend(pay: Pay, tx: Transaction, gateway: str, line: SettlementLine, match: _Match, *, amount_minor: int, result: str) -> None:
    reasons = {UNKNOWN: SuspenseReason.UNKNOWN_REFERENCE, DOUBLE: SuspenseReason.DOUBLE_PAYMENT}
    receive(
        pay,
        tx,
        channel=gateway,
        provider_id=f"settlement:{line.key}",
        account_id=match.account_id,
        payment_id=match.payment_id,
        currency=line.currency,
        amount_minor=amount_minor,
        reason=reasons.get(result, SuspenseReason.WRONG_AMOUNT),
        is_booked=True,
    )


_NOTHING = _Match(None, None, None, 0, False)


def _match(pay: Pay, tx: Transaction, gateway: str, line: SettlementLine) -> _Match:
    """Find what a line is about: by the provider's name for it, or by ours."""
    if line.kind is LineKind.REFUND:
        found = _match_refund(tx, gateway, line)
        return found or _NOTHING
    payment = find_by_provider_id(tx.connection, pay.cipher, gateway, line.reference) or _by_reference(pay, tx, gateway, line.reference)
    if payment is None or payment.currency != line.currency:
        return _NOTHING
    if line.kind in {LineKind.DISPUTE, LineKind.DISPUTE_REVERSAL}:
        return _Match(payment.account_id, payment.id, None, line.amount_minor, False)
    is_taken = payment.state is PaymentState.CAPTURED
    open_minor = payment.total_minor if is_taken and payment.settled_on is None else 0
    return _Match(payment.account_id, payment.id, None, open_minor, payment.settled_on is not None)


def _by_reference(pay: Pay, tx: Transaction, gateway: str, reference: str) -> Payment | None:
    """Return the payment of one of our own references: an attempt's, or the payment's id."""
    named = select(attempts.c.payment_id).where(attempts.c.reference == reference, attempts.c.gateway == gateway)
    payment_id = tx.connection.execute(named).scalar_one_or_none() or reference
    found = find_payment(tx.connection, pay.cipher, PaymentId(str(payment_id)[:26]))
    return found if found is not None and found.gateway == gateway else None


def _match_refund(tx: Transaction, gateway: str, line: SettlementLine) -> _Match | None:
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
        (payments.c.provider_id == line.reference) | (payments.c.attempt_reference == line.reference), refunds.c.state == RefundState.REFUNDED.value
    )
    row = tx.connection.execute(named).one_or_none() or tx.connection.execute(of_payment).one_or_none()
    if row is None:
        return None
    refund = find_refund(tx.connection, RefundId(row.id))
    open_minor = line.amount_minor if refund is not None else 0
    return _Match(row.account_id, PaymentId(row.payment_id), RefundId(row.id), open_minor, False)
