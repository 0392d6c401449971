"""Transfers to our bank account: what the statement says came in ends the payment whose number the payer wrote.

The same statement twice gives the same books.  Money that fits no payment, and what is more than was owed, goes to suspense.
Spec: pay-design.md §3, §8, §13.11.
"""

import hashlib
from collections import Counter
from datetime import UTC, date, datetime, time

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from pay.context import Pay
from pay.events import BooksAction
from pay.models.ledger import post
from pay.models.notice import find_notice
from pay.models.payment import payments
from pay.models.settlement import settlement_files, settlement_lines
from pay.operations.arrivals import Arrived, misfit, take
from pay.operations.calls import require
from pay.operations.settlements import DOUBLE, MATCHED, REPEATED, UNKNOWN, WRONG_AMOUNT, Imported
from pay.operations.suspense import receive
from pay.providers.cash import TransferGateway
from pay.standards import ledger_movements
from pay.standards.bank_statements import Credit, UnreadableStatement, read_statement
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.ledger_movements import Channel, SettledAmounts
from pay.standards.payment_object import Payment
from pay.standards.suspense_states import SuspenseReason
from shared.transaction import Transaction

CHANNEL = TransferGateway.name
KEYS_BATCH = 5_000
ANOTHERS_NUMBER = "a movement has the number of another one"
_RESULTS = {
    SuspenseReason.UNKNOWN_REFERENCE: UNKNOWN,
    SuspenseReason.WRONG_AMOUNT: WRONG_AMOUNT,
    SuspenseReason.DOUBLE_PAYMENT: DOUBLE,
    SuspenseReason.LATE: SuspenseReason.LATE.value,
}


def import_statement(pay: Pay, name: str, raw: bytes, *, actor: str) -> Imported:
    """Import a statement, each line in a transaction of its own; where it was cut off, the same file again brings the rest.

    Raises: UnreadableStatement, before anything is booked.
    """
    lines = read_statement(raw, pay.settings.counter_currency)
    _check_numbers(pay, lines)
    file_id, is_new = _file(pay, name, raw, len(lines), actor)
    results: Counter[str] = Counter()
    for credit in lines:  # one at a time: who holds the bank's row of the books waits for no other
        with pay.transaction() as tx:
            results[_take(pay, tx, file_id, credit, actor)] += 1
    if is_new or set(results) - {REPEATED}:
        facts: dict[str, str | int | bool | list[str]] = {"gateway": CHANNEL, "lines": len(lines)}
        with pay.transaction() as tx:
            tx.record(BooksAction.SETTLEMENT_IMPORTED, actor=actor, object_id=file_id, data=facts | dict(results))
    return Imported(file_id, len(lines), dict(results))


def _check_numbers(pay: Pay, lines: list[Credit]) -> None:
    """See that one number names one movement, here and in what was imported before.  Raises: UnreadableStatement."""
    movements: dict[str, tuple[int, str, date]] = {}
    c = settlement_lines.c
    with pay.reading() as tx:
        for start in range(0, len(lines), KEYS_BATCH):
            keys = [credit.key for credit in lines[start : start + KEYS_BATCH]]
            known = select(c.line_key, c.amount_minor, c.currency, c.settled_on).where(c.gateway == CHANNEL, c.line_key == func.any(keys))
            movements |= {row.line_key: (row.amount_minor, row.currency, row.settled_on) for row in tx.connection.execute(known)}
    for credit in lines:
        if movements.setdefault(credit.key, _facts(credit)) != _facts(credit):
            raise UnreadableStatement(ANOTHERS_NUMBER)


def _facts(credit: Credit) -> tuple[int, str, date]:
    return credit.amount_minor, credit.currency, credit.booked_on


def _file(pay: Pay, name: str, raw: bytes, lines: int, actor: str) -> tuple[str, bool]:
    """Write the file down, once; return its id, and whether it is new."""
    row = {
        "id": pay.ids.pick(ALPHABET, LENGTH),
        "gateway": CHANNEL,
        "name": "".join(letter for letter in name if letter.isprintable())[:200],
        "sha256": hashlib.sha256(raw).hexdigest(),
        "lines": lines,
        "imported_by": actor,
        "imported_at": pay.clock.now(),
    }
    with pay.transaction() as tx:
        statement = insert(settlement_files).values(row).on_conflict_do_nothing().returning(settlement_files.c.id)
        file_id = tx.connection.execute(statement).scalar_one_or_none()
        if file_id is not None:
            return str(file_id), True
        c = settlement_files.c
        known = select(c.id).where(c.gateway == CHANNEL, c.sha256 == row["sha256"])
        return str(tx.connection.execute(known).scalar_one()), False


def _take(pay: Pay, tx: Transaction, file_id: str, credit: Credit, actor: str) -> str:
    """Write one movement down, once whatever statement it comes in, and bring its money to where it belongs.

    Raises: UnreadableStatement for a number that another movement got meanwhile.
    """
    row = {
        "gateway": CHANNEL,
        "line_key": credit.key,
        "file_id": file_id,
        "kind": "payment",
        "provider_id": credit.key,
        "currency": credit.currency,
        "amount_minor": credit.amount_minor,
        "fee_minor": 0,
        "settled_on": credit.booked_on,
        "result": MATCHED,
    }
    if not tx.connection.execute(insert(settlement_lines).values(row).on_conflict_do_nothing()).rowcount:
        c = settlement_lines.c
        known = select(c.amount_minor, c.currency, c.settled_on).where(c.gateway == CHANNEL, c.line_key == credit.key)
        if tuple(tx.connection.execute(known).one()) != _facts(credit):
            raise UnreadableStatement(ANOTHERS_NUMBER)
        return REPEATED
    payment = _payment_of(pay, tx, credit)
    paid_at = datetime.combine(credit.booked_on, time(), UTC)
    reason = misfit(pay, payment, credit.amount_minor, paid_at)
    owed = 0
    if payment is not None and (reason is None or (reason is SuspenseReason.WRONG_AMOUNT and credit.amount_minor > payment.amount_minor)):
        owed = payment.amount_minor
        take(pay, tx, payment, Arrived(CHANNEL, credit.key, pay.clock.now()), actor=actor)
        told = {"settled_on": credit.booked_on, "fee_minor": 0, "version": payments.c.version + 1}
        tx.connection.execute(update(payments).where(payments.c.id == payment.id).values(told))
    _post(pay, tx, credit, payment, owed)
    if reason is not None:
        _suspend(pay, tx, credit, payment, (credit.amount_minor - owed, reason))
    result = MATCHED if reason is None else _RESULTS[reason]
    told_of = {"result": result}
    if payment is not None:
        told_of |= {"account_id": payment.account_id, "payment_id": payment.id}
    line = (settlement_lines.c.gateway == CHANNEL) & (settlement_lines.c.line_key == credit.key)
    tx.connection.execute(update(settlement_lines).where(line).values(told_of))
    return result


def _payment_of(pay: Pay, tx: Transaction, credit: Credit) -> Payment | None:
    """Return the payment whose number stands in the text, its row locked; None where none does, or more than one."""
    found = [notice for number in credit.notice_numbers() if (notice := find_notice(tx.connection, pay.cipher, number)) is not None]
    if len(found) != 1:
        return None
    payment = require(pay, tx, found[0].payment_id)
    return payment if payment.currency == credit.currency else None


def _post(pay: Pay, tx: Transaction, credit: Credit, payment: Payment | None, owed_minor: int) -> None:
    """Book the money at the bank account for transfers: against the payment that it ended, the rest against suspense."""
    channel = Channel(CHANNEL, payment.account_id if payment else None, pay.settings.transfer_bank, credit.currency)
    amounts = SettledAmounts(owed_minor, credit.amount_minor - owed_minor, 0)
    line_id = hashlib.sha256(f"{CHANNEL}:{credit.key}".encode()).hexdigest()[:40]
    posting = ledger_movements.settlement_received(channel, line_id, payment.id if payment and owed_minor else "", amounts)
    post(tx.connection, posting, pay.clock.now())


def _suspend(pay: Pay, tx: Transaction, credit: Credit, payment: Payment | None, what: tuple[int, SuspenseReason]) -> None:
    amount_minor, reason = what
    receive(
        pay,
        tx,
        channel=CHANNEL,
        provider_id=credit.key,
        account_id=payment.account_id if payment else None,
        payment_id=payment.id if payment else None,
        currency=credit.currency,
        amount_minor=amount_minor,
        reason=reason,
        is_booked=True,
    )
