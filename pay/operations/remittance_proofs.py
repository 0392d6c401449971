"""The proof of remittances: each is the sum of the entries it settles, and leaves them at zero.  Spec: pay-design.md §3."""

from collections.abc import Iterator

from sqlalchemy import Connection, case, func, or_, select

from pay.models.ledger import ledger_entries, ledger_transactions
from pay.models.remittance import remittance_entries, remittances
from pay.operations.proof_queries import FAULTS_MAX
from pay.standards.ledger import Side, Source

_E, _T, _S, _R = ledger_entries.c, ledger_transactions.c, remittance_entries.c, remittances.c


def wrong_remittances(connection: Connection) -> Iterator[str]:
    """Return a sentence for each remittance that does not settle what it says, of the account it says."""
    signed = case((_E.side == Side.CREDIT.value, _E.amount_minor), else_=-_E.amount_minor)
    is_own = (_T.source == Source.REMITTED.value) & (_T.source_id == _R.id)
    paid = func.coalesce(func.sum(case((is_own, -signed), else_=0)), 0)
    left = func.coalesce(func.sum(signed), 0)
    others = func.count().filter((_E.account_code != _R.account_code) | (_E.currency != _R.currency))
    rows = (
        select(_R.id, _R.amount_minor, paid, left, others)
        .outerjoin(remittance_entries, _S.remittance_id == _R.id)
        .outerjoin(ledger_entries, _E.id == _S.entry_id)
        .outerjoin(ledger_transactions, _T.id == _E.transaction_id)
        .group_by(_R.id, _R.amount_minor)
        .having(or_(paid != _R.amount_minor, left != 0, others > 0))
        .limit(FAULTS_MAX)
    )
    for remittance_id, amount, given, rest, strange in connection.execute(rows):
        yield f"remittance {remittance_id} is of {amount}, paid {given}, leaves {rest} of its entries, {strange} of them another's"
