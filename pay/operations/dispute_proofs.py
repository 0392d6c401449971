"""Proof of disputes: each has the postings of its state, and what is held is what open disputes are about.  Spec: pay-design.md §3."""

from collections.abc import Iterator

from sqlalchemy import Connection, func, not_, select, tuple_

from pay.models.dispute import disputes
from pay.operations.proof_queries import FAULTS_MAX, found_sources, lawful_pairs, moved_by, sources_text, strays
from pay.standards.dispute_states import DisputeState
from pay.standards.ledger import Side, Source

SOURCES = frozenset({Source.DISPUTE_OPENED, Source.DISPUTE_LOST, Source.DISPUTE_WON})
_LAWFUL = {
    DisputeState.NEEDS_RESPONSE: {Source.DISPUTE_OPENED},
    DisputeState.UNDER_REVIEW: {Source.DISPUTE_OPENED},
    DisputeState.LOST: {Source.DISPUTE_OPENED, Source.DISPUTE_LOST},
    DisputeState.WON: {Source.DISPUTE_OPENED, Source.DISPUTE_WON},
}


def wrong_disputes(connection: Connection) -> Iterator[str]:
    """Return a sentence for each dispute that the books do not agree with."""
    found, held = found_sources(SOURCES), moved_by(Source.DISPUTE_OPENED, "dispute_hold:", Side.DEBIT)
    c = disputes.c
    sources, kept = func.coalesce(found.c.sources, ""), func.coalesce(held.c.amount_minor, 0)
    lawful = lawful_pairs([(state.value, sources_text(each)) for state, each in _LAWFUL.items()])
    is_wrong = not_(tuple_(c.state, sources).in_(select(lawful.c.state, lawful.c.sources))) | (kept != c.amount_minor)
    rows = (
        select(c.id, c.state, c.amount_minor, sources, kept)
        .outerjoin(found, found.c.source_id == c.id)
        .outerjoin(held, held.c.source_id == c.id)
        .where(is_wrong)
        .limit(FAULTS_MAX)
    )
    for dispute_id, state, amount, posted, shown in connection.execute(rows):
        yield f"dispute {dispute_id} is {state} over {amount}, has the postings {posted or 'none'} and holds {shown}"
    yield from strays(connection, SOURCES, c.id, "dispute")
