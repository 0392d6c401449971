"""What the proofs of the books ask PostgreSQL: which postings an object has, what they moved, which belong to nothing."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, FromClause, String, Subquery, column, func, literal_column, select, values
from sqlalchemy.dialects.postgresql import aggregate_order_by

from pay.models.ledger import ledger_entries, ledger_transactions
from pay.standards.ledger import Layer, Side, Source

FAULTS_MAX = 1_000
_E, _T = ledger_entries.c, ledger_transactions.c


def sources_text(sources: frozenset[Source] | set[Source]) -> str:
    """Return a set of sources as `found_sources` writes it."""
    return ",".join(sorted(source.value for source in sources))


def found_sources(sources: frozenset[Source]) -> Subquery:
    """The postings of each object as one text."""
    listed = func.string_agg(_T.source, aggregate_order_by(literal_column("','"), func.convert_to(_T.source, "UTF8")))
    return select(_T.source_id, listed.label("sources")).where(_T.source.in_(sources)).group_by(_T.source_id).subquery()


def moved_by(source: Source, account_prefix: str, side: Side) -> Subquery:
    """What a kind of posting moved on one kind of account, by the object it came from."""
    return (
        select(_T.source_id, func.sum(_E.amount_minor).label("amount_minor"))
        .join(ledger_entries, _E.transaction_id == _T.id)
        .where(_T.source == source.value, _E.side == side.value, _E.layer == Layer.POSTED.value)
        .where(_E.account_code.startswith(account_prefix, autoescape=True))
        .group_by(_T.source_id)
        .subquery()
    )


def lawful_pairs(pairs: list[tuple[str, str]]) -> FromClause:
    """Return lawful (state, sources) pairs as a table."""
    return values(column("state", String), column("sources", String), name="lawful").data(pairs)


def strays(connection: Connection, sources: frozenset[Source], own: ColumnElement[str], noun: str) -> Iterator[str]:
    """Return a sentence for each object that has postings and is not there."""
    stray = select(_T.source_id).where(_T.source.in_(sources), ~select(own).where(own == _T.source_id).exists())
    for source_id in connection.execute(stray.distinct().limit(FAULTS_MAX)).scalars():
        yield f"postings for {source_id}, which is no {noun}"
