"""The proof of the books: balances recomputed from entries, and each payment compared with its postings.  Spec: pay-design.md §3.

PostgreSQL compares; only what does not agree comes here, so the proof of millions of payments needs no memory of ours.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    case,
    func,
    not_,
    or_,
    select,
    tuple_,
    union_all,
)

from pay.context import Pay
from pay.events import BooksAction
from pay.models.ledger import ledger_accounts, ledger_entries, ledger_transactions
from pay.models.payment import payments
from pay.models.payout import payouts
from pay.models.refund import refunds
from pay.models.suspense import suspense_items
from pay.operations.dispute_proofs import wrong_disputes
from pay.operations.moves import SYSTEM
from pay.operations.payout_proofs import wrong_payouts
from pay.operations.proof_queries import FAULTS_MAX, found_sources, lawful_pairs, moved_by, sources_text, strays
from pay.operations.remittance_proofs import wrong_remittances
from pay.standards.ledger import Layer, Side, Source, lawful_sources
from pay.standards.payment_states import PaymentState
from pay.standards.payout_states import ENDED_UNPAID
from pay.standards.refund_states import RefundState

PAYMENT_SOURCES = frozenset({Source.AUTHORISED, Source.CAPTURED, Source.VOIDED})
REFUND_SOURCES = frozenset({Source.REFUND_REQUESTED, Source.REFUND_CONFIRMED, Source.REFUND_FAILED})
_OF_REFUND = {
    RefundState.CREATED: {Source.REFUND_REQUESTED},
    RefundState.SUBMITTED: {Source.REFUND_REQUESTED},
    RefundState.REFUNDED: {Source.REFUND_REQUESTED, Source.REFUND_CONFIRMED},
    RefundState.ERROR: {Source.REFUND_REQUESTED, Source.REFUND_FAILED},
}
_E, _T = ledger_entries.c, ledger_transactions.c


@dataclass(frozen=True)
class Proof:
    """What was compared, and a sentence for each thing that does not agree; `digest` is of all balances."""

    accounts: int
    transactions: int
    payments: int
    refunds: int
    faults: tuple[str, ...]
    digest: str

    @property
    def holds(self) -> bool:
        """True when everything agrees."""
        return not self.faults


def prove_and_log(pay: Pay, *, actor: str = SYSTEM) -> Proof:
    """Prove the books as they stand at one moment, and write the result into the audit log, whose tree makes it lasting."""
    with pay.db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        proof = prove(connection)
    facts: dict[str, str | int | bool | list[str]] = {
        "accounts": proof.accounts,
        "transactions": proof.transactions,
        "payments": proof.payments,
        "faults": len(proof.faults),
        "balances_sha256": proof.digest,
    }
    with pay.transaction() as tx:
        tx.record(BooksAction.PROVED, actor=actor, outcome="done" if proof.holds else "failed", channel="job", data=facts)
    return proof


def prove(connection: Connection) -> Proof:
    """Recompute everything from the entries.  Run it in a REPEATABLE READ transaction where others are writing."""
    checks = (
        _unbalanced,
        _wrong_balances,
        _wrong_payments,
        _wrong_refunds,
        wrong_disputes,
        wrong_payouts,
        _wrong_suspense,
        wrong_remittances,
    )
    faults = [fault for check in checks for fault in check(connection)]
    counts = [
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (ledger_accounts, ledger_transactions, payments, refunds)
    ]
    accounts, transactions, paid, returned = counts
    return Proof(accounts, transactions, paid, returned, tuple(faults), _digest(connection))


def _digest(connection: Connection) -> str:
    c = ledger_accounts.c
    rows = connection.execute(select(c.code, c.currency, c.pending_minor, c.posted_minor).order_by(c.code, c.currency))
    hashed = hashlib.sha256()
    for row in rows:
        hashed.update("|".join(map(str, row)).encode() + b"\n")
    return hashed.hexdigest()


def _signed() -> ColumnElement[int]:
    return case((_E.side == Side.DEBIT.value, _E.amount_minor), else_=-_E.amount_minor)


def _unbalanced(connection: Connection) -> Iterator[str]:
    sums = select(_E.transaction_id, _E.layer, _E.currency, func.sum(_signed())).group_by(_E.transaction_id, _E.layer, _E.currency)
    for transaction_id, layer, currency, difference in connection.execute(sums.having(func.sum(_signed()) != 0).limit(FAULTS_MAX)):
        yield f"transaction {transaction_id} is out of balance by {difference} {currency} ({layer})"
    empty = select(_T.id).where(~select(_E.id).where(_E.transaction_id == _T.id).exists()).limit(FAULTS_MAX)
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


def _given_back() -> Subquery:
    """What of each payment went back, or is on its way: by refunds and by pay-outs."""
    r, o = refunds.c, payouts.c
    by_refund = select(r.payment_id, r.amount_minor).where(r.state != RefundState.ERROR.value)
    unpaid = [state.value for state in ENDED_UNPAID]
    by_payout = select(o.payment_id, o.amount_minor).where(o.payment_id.is_not(None), o.state.not_in(unpaid))
    both = union_all(by_refund, by_payout).subquery()
    return select(both.c.payment_id, func.sum(both.c.amount_minor).label("amount_minor")).group_by(both.c.payment_id).subquery()


def _payment_rows() -> Select[str, str, int, int, str, int, int]:
    """Each payment that is not as its postings and its refunds say."""
    found, taken = found_sources(PAYMENT_SOURCES), moved_by(Source.CAPTURED, "channel_receivable:", Side.DEBIT)
    returned = _given_back()
    c = payments.c
    total = c.amount_minor + c.surcharge_minor
    sources = func.coalesce(found.c.sources, "")
    credited, refunded = func.coalesce(taken.c.amount_minor, 0), func.coalesce(returned.c.amount_minor, 0)
    pairs = [(state.value, sources_text(lawful)) for state in PaymentState for lawful in lawful_sources(state)]
    lawful = lawful_pairs(pairs)
    is_lawful = tuple_(c.state, sources).in_(select(lawful.c.state, lawful.c.sources))
    return (
        select(c.id, c.state, total, c.refunded_minor, sources, credited, refunded)
        .outerjoin(found, found.c.source_id == c.id)
        .outerjoin(taken, taken.c.source_id == c.id)
        .outerjoin(returned, returned.c.payment_id == c.id)
        .where(
            or_(
                and_(total > 0, not_(is_lawful)),
                and_(total == 0, sources != ""),
                and_(c.state == PaymentState.CAPTURED.value, credited != total),
                c.refunded_minor != refunded,
            )
        )
        .limit(FAULTS_MAX)
    )


def _wrong_payments(connection: Connection) -> Iterator[str]:
    for payment_id, state, total, shown, sources, credited, refunded in connection.execute(_payment_rows()):
        lawful = {sources_text(each) for each in lawful_sources(PaymentState(state))} if total else {""}
        if sources not in lawful:
            yield f"payment {payment_id} is {state} and has the postings {sources or 'none'}"
        if state == PaymentState.CAPTURED and credited != total:
            yield f"payment {payment_id} took {total}, its beneficiaries were credited {credited}"
        if shown != refunded:
            yield f"payment {payment_id} shows {shown} refunded, its refunds make {refunded}"
    yield from strays(connection, PAYMENT_SOURCES, payments.c.id, "payment")


def _wrong_refunds(connection: Connection) -> Iterator[str]:
    found, paid = found_sources(REFUND_SOURCES), moved_by(Source.REFUND_CONFIRMED, "channel_receivable:", Side.CREDIT)
    c = refunds.c
    sources, credited = func.coalesce(found.c.sources, ""), func.coalesce(paid.c.amount_minor, 0)
    lawful = lawful_pairs([(state.value, sources_text(each)) for state, each in _OF_REFUND.items()])
    is_wrong = or_(
        not_(tuple_(c.state, sources).in_(select(lawful.c.state, lawful.c.sources))),
        and_(c.state == RefundState.REFUNDED.value, credited != c.amount_minor),
    )
    rows = (
        select(c.id, c.state, c.amount_minor, sources, credited)
        .outerjoin(found, found.c.source_id == c.id)
        .outerjoin(paid, paid.c.source_id == c.id)
        .where(is_wrong)
        .limit(FAULTS_MAX)
    )
    for refund_id, state, amount, posted, given in connection.execute(rows):
        if posted != sources_text(_OF_REFUND[RefundState(state)]):
            yield f"refund {refund_id} is {state} and has the postings {posted or 'none'}"
        if state == RefundState.REFUNDED and given != amount:
            yield f"refund {refund_id} is of {amount}, the channel was credited {given}"
    yield from strays(connection, REFUND_SOURCES, c.id, "refund")


def _wrong_suspense(connection: Connection) -> Iterator[str]:
    """What stands in suspense is what is on the work list, channel by channel."""
    c = suspense_items.c
    waiting = select(c.channel, c.currency, func.sum(c.amount_minor)).where(c.closed_at.is_(None)).group_by(c.channel, c.currency)
    listed = {(f"suspense:{channel}", currency): int(amount) for channel, currency, amount in connection.execute(waiting)}
    accounts = select(ledger_accounts).where(ledger_accounts.c.code.startswith("suspense:"))
    for row in connection.execute(accounts):
        expected = listed.pop((row.code, row.currency), 0)
        if row.posted_minor != -expected:
            yield f"account {row.code} {row.currency} owes {-row.posted_minor}, its work list makes {expected}"
    for (code, currency), amount in listed.items():
        yield f"the work list of {code} {currency} makes {amount}, and there is no such account"
