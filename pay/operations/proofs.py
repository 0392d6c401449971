"""The proof of the books: balances recomputed from entries, and each payment compared with its postings.  Spec: pay-design.md §3."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, case, func, select

from pay.models.ledger import ledger_accounts, ledger_entries, ledger_transactions
from pay.models.payment import payments
from pay.models.refund import refunds
from pay.standards.ledger import Layer, Side, Source, lawful_sources
from pay.standards.payment_states import PaymentState
from pay.standards.refund_states import RefundState

PAYMENT_SOURCES = frozenset({Source.AUTHORISED, Source.CAPTURED, Source.VOIDED})
_REFUND_SOURCES = {
    RefundState.CREATED: {Source.REFUND_REQUESTED},
    RefundState.SUBMITTED: {Source.REFUND_REQUESTED},
    RefundState.REFUNDED: {Source.REFUND_REQUESTED, Source.REFUND_CONFIRMED},
    RefundState.ERROR: {Source.REFUND_REQUESTED, Source.REFUND_FAILED},
}
_E = ledger_entries.c


@dataclass(frozen=True)
class Proof:
    """What was compared, and a sentence for each thing that does not agree."""

    accounts: int
    transactions: int
    payments: int
    refunds: int
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True when everything agrees."""
        return not self.faults


def prove(connection: Connection) -> Proof:
    """Recompute everything from the entries.  Run it in a REPEATABLE READ transaction where others are writing."""
    faults = [*_unbalanced(connection), *_wrong_balances(connection), *_wrong_payments(connection), *_wrong_refunds(connection)]
    counts = [
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (ledger_accounts, ledger_transactions, payments, refunds)
    ]
    accounts, transactions, paid, returned = counts
    return Proof(accounts, transactions, paid, returned, tuple(faults))


def _signed() -> ColumnElement[int]:
    return case((_E.side == Side.DEBIT.value, _E.amount_minor), else_=-_E.amount_minor)


def _unbalanced(connection: Connection) -> Iterator[str]:
    sums = select(_E.transaction_id, _E.layer, _E.currency, func.sum(_signed())).group_by(_E.transaction_id, _E.layer, _E.currency)
    for transaction_id, layer, currency, difference in connection.execute(sums.having(func.sum(_signed()) != 0)):
        yield f"transaction {transaction_id} is out of balance by {difference} {currency} ({layer})"
    empty = select(ledger_transactions.c.id).where(~select(_E.id).where(_E.transaction_id == ledger_transactions.c.id).exists())
    for transaction_id in connection.execute(empty).scalars():
        yield f"transaction {transaction_id} has no entries"


def _wrong_balances(connection: Connection) -> Iterator[str]:
    layers = {layer: func.sum(case((_E.layer == layer.value, _signed()), else_=0)) for layer in Layer}
    recomputed = select(_E.account_code, _E.currency, layers[Layer.PENDING], layers[Layer.POSTED]).group_by(_E.account_code, _E.currency)
    true = {(code, currency): (int(pending), int(posted)) for code, currency, pending, posted in connection.execute(recomputed)}
    for row in connection.execute(select(ledger_accounts)):
        expected = true.get((row.code, row.currency), (0, 0))
        if (row.pending_minor, row.posted_minor) != expected:
            shown = f"{row.pending_minor}/{row.posted_minor}"
            yield f"account {row.code} {row.currency} shows {shown}, its entries make {expected[0]}/{expected[1]}"


def _sources(connection: Connection, kinds: frozenset[Source]) -> dict[str, set[Source]]:
    statement = select(ledger_transactions.c.source_id, ledger_transactions.c.source).where(ledger_transactions.c.source.in_(kinds))
    found: dict[str, set[Source]] = {}
    for source_id, source in connection.execute(statement):
        found.setdefault(source_id, set()).add(Source(source))
    return found


def _amounts(connection: Connection, source: Source, account_prefix: str, side: Side) -> dict[str, int]:
    """Return what a kind of posting moved on one kind of account, by the object it came from."""
    statement = (
        select(ledger_transactions.c.source_id, func.sum(_E.amount_minor))
        .join(ledger_entries, _E.transaction_id == ledger_transactions.c.id)
        .where(ledger_transactions.c.source == source.value, _E.side == side.value, _E.layer == Layer.POSTED.value)
        .where(_E.account_code.startswith(account_prefix, autoescape=True))
        .group_by(ledger_transactions.c.source_id)
    )
    return {source_id: int(amount) for source_id, amount in connection.execute(statement)}


def _wrong_payments(connection: Connection) -> Iterator[str]:
    sources = _sources(connection, PAYMENT_SOURCES)
    credited = _amounts(connection, Source.CAPTURED, "channel_receivable:", Side.DEBIT)
    returned = select(refunds.c.payment_id, func.sum(refunds.c.amount_minor)).where(refunds.c.state != RefundState.ERROR.value)
    refunded = {payment_id: int(amount) for payment_id, amount in connection.execute(returned.group_by(refunds.c.payment_id))}
    total = (payments.c.amount_minor + payments.c.surcharge_minor).label("total_minor")
    for row in connection.execute(select(payments.c.id, payments.c.state, total, payments.c.refunded_minor)):
        state, found = PaymentState(row.state), frozenset(sources.pop(row.id, set()))
        lawful = lawful_sources(state) if row.total_minor else {frozenset[Source]()}
        if found not in lawful:
            yield f"payment {row.id} is {state} and has the postings {', '.join(sorted(found)) or 'none'}"
        if state is PaymentState.CAPTURED and credited.get(row.id, 0) != row.total_minor:
            yield f"payment {row.id} took {row.total_minor}, its beneficiaries were credited {credited.get(row.id, 0)}"
        if row.refunded_minor != refunded.get(row.id, 0):
            yield f"payment {row.id} shows {row.refunded_minor} refunded, its refunds make {refunded.get(row.id, 0)}"
    for stray in sources:
        yield f"postings for {stray}, which is no payment"


def _wrong_refunds(connection: Connection) -> Iterator[str]:
    sources = _sources(connection, frozenset({Source.REFUND_REQUESTED, Source.REFUND_CONFIRMED, Source.REFUND_FAILED}))
    paid = _amounts(connection, Source.REFUND_CONFIRMED, "channel_receivable:", Side.CREDIT)
    for row in connection.execute(select(refunds.c.id, refunds.c.state, refunds.c.amount_minor)):
        state, found = RefundState(row.state), sources.pop(row.id, set())
        if found != _REFUND_SOURCES[state]:
            yield f"refund {row.id} is {state} and has the postings {', '.join(sorted(found)) or 'none'}"
        if state is RefundState.REFUNDED and paid.get(row.id, 0) != row.amount_minor:
            yield f"refund {row.id} is of {row.amount_minor}, the channel was credited {paid.get(row.id, 0)}"
    for stray in sources:
        yield f"postings for {stray}, which is no refund"
