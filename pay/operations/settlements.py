"""Settlement: what a channel paid to our bank, compared line by line with what it took.  The same file twice gives the same books.

Spec: pay-design.md §3, §13.11.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from pay.context import Pay
from pay.events import BooksAction
from pay.models.dispute import disputes
from pay.models.ledger import post
from pay.models.payment import payments
from pay.models.refund import refunds
from pay.models.settlement import SettlementFile, list_files, settlement_files, settlement_lines
from pay.operations.announcements import announce_settled
from pay.operations.settlement_matches import Match, match
from pay.operations.suspense import receive
from pay.standards import ledger_movements
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.ledger_movements import Channel, SettledAmounts
from pay.standards.settlement_files import LineKind, SettlementLine, read_settlement
from pay.standards.suspense_states import SuspenseReason
from shared.transaction import Transaction

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


def last_files(pay: Pay, *, most: int = 20) -> list[SettlementFile]:
    """Return the files that were imported last, the newest first."""
    with pay.reading() as tx:
        return list_files(tx.connection, most)


def _take(pay: Pay, tx: Transaction, gateway: str, file_id: str, line: SettlementLine) -> str:
    """Write one line down, once whatever file it comes in, post it, and say what it was."""
    found = match(pay, tx, gateway, line)
    is_payment = found.kind in {LineKind.PAYMENT, LineKind.DISPUTE_REVERSAL}
    matched = min(line.amount_minor, found.open_minor) if is_payment else line.amount_minor
    unexplained = line.amount_minor - matched
    if found.account_id is None or (found.kind is LineKind.REFUND and not found.open_minor):
        result = UNKNOWN
    elif found.is_settled:
        result = DOUBLE
    else:
        result = MATCHED if line.amount_minor == found.open_minor else WRONG_AMOUNT
    row = {
        "gateway": gateway,
        "line_key": line.key,
        "file_id": file_id,
        "kind": found.kind.value,
        "provider_id": line.reference,
        "currency": line.currency,
        "amount_minor": line.amount_minor,
        "fee_minor": line.fee_minor,
        "settled_on": line.settled_on,
        "result": result,
        "account_id": found.account_id,
        "payment_id": found.payment_id,
        "refund_id": found.refund_id,
    }
    if not tx.connection.execute(insert(settlement_lines).values(row).on_conflict_do_nothing()).rowcount:
        return REPEATED
    channel = Channel(gateway, found.account_id, pay.settings.settlement_bank, line.currency)
    amounts = SettledAmounts(matched, unexplained, line.fee_minor)
    make = ledger_movements.settlement_received if is_payment else ledger_movements.settlement_taken_back
    line_id = hashlib.sha256(f"{gateway}:{line.key}".encode()).hexdigest()[:40]
    post(tx.connection, make(channel, line_id, found.payment_id or "", amounts), pay.clock.now())
    if found.open_minor:
        _mark(pay, tx, line, found, result)
    if unexplained:
        _suspend(pay, tx, gateway, line, found, amount_minor=unexplained, result=result)
    return result


def _mark(pay: Pay, tx: Transaction, line: SettlementLine, found: Match, result: str) -> None:
    """Tell the payment, or the refund, on which day its money came, and what it cost."""
    if result not in {MATCHED, WRONG_AMOUNT} or not found.is_told:
        return
    if found.refund_id is not None:
        tx.connection.execute(update(refunds).where(refunds.c.id == found.refund_id).values(settled_on=line.settled_on))
    elif found.payment_id is not None and found.kind is LineKind.PAYMENT:
        fee = func.coalesce(payments.c.fee_minor, 0) + line.fee_minor  # in a mall each child's line brings its own
        told = {"settled_on": line.settled_on, "fee_minor": fee, "version": payments.c.version + 1}
        tx.connection.execute(update(payments).where(payments.c.id == found.payment_id).values(told))
        announce_settled(pay, tx, str(found.account_id), found.payment_id)
    elif found.payment_id is not None and found.kind is LineKind.DISPUTE:
        d = disputes.c
        nearest = (d.amount_minor != line.amount_minor, d.created_at, d.id)
        first = select(d.id).where(d.payment_id == found.payment_id, d.settled_on.is_(None)).order_by(*nearest).limit(1)
        tx.connection.execute(update(disputes).where(d.id == first.scalar_subquery()).values(settled_on=line.settled_on))


def _suspend(pay: Pay, tx: Transaction, gateway: str, line: SettlementLine, found: Match, *, amount_minor: int, result: str) -> None:
    reasons = {UNKNOWN: SuspenseReason.UNKNOWN_REFERENCE, DOUBLE: SuspenseReason.DOUBLE_PAYMENT}
    receive(
        pay,
        tx,
        channel=gateway,
        provider_id=f"settlement:{line.key}",
        account_id=found.account_id,
        payment_id=found.payment_id,
        currency=line.currency,
        amount_minor=amount_minor,
        reason=reasons.get(result, SuspenseReason.WRONG_AMOUNT),
        is_booked=True,
    )
