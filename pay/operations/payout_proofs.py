"""The proof of pay-outs: each compared with its postings, and its amount with what was set aside.  Spec: pay-design.md §3."""

from collections.abc import Iterator

from sqlalchemy import Connection, String, column, func, not_, or_, select, tuple_, values

from pay.models.payout import payouts
from pay.operations.payout_moves import lawful_sources
from pay.operations.proof_queries import FAULTS_MAX, found_sources, moved_by, sources_text, strays
from pay.standards.ledger import Side, Source
from pay.standards.payout_states import PayoutMethod, PayoutState

PAYOUT_SOURCES = frozenset({Source.PAYOUT_RESERVED, Source.PAYOUT_RELEASED, Source.PAYOUT_SENT, Source.PAYOUT_PAID, Source.PAYOUT_RETURNED})


def wrong_payouts(connection: Connection) -> Iterator[str]:
    """Return a sentence for each pay-out that is not as its postings say."""
    found, reserved = found_sources(PAYOUT_SOURCES), moved_by(Source.PAYOUT_RESERVED, "payouts_reserved:", Side.CREDIT)
    c = payouts.c
    sources, set_aside = func.coalesce(found.c.sources, ""), func.coalesce(reserved.c.amount_minor, c.amount_minor)
    names = (column("state", String), column("method", String), column("sources", String))
    pairs = [(s.value, m.value, sources_text(each)) for s in PayoutState for m in PayoutMethod for each in lawful_sources(s, m)]
    lawful = values(*names, name="lawful").data(pairs)
    is_lawful = tuple_(c.state, c.method, sources).in_(select(lawful.c.state, lawful.c.method, lawful.c.sources))
    rows = (
        select(c.id, c.state, sources, c.amount_minor, set_aside)
        .outerjoin(found, found.c.source_id == c.id)
        .outerjoin(reserved, reserved.c.source_id == c.id)
        .where(or_(not_(is_lawful), set_aside != c.amount_minor))
        .limit(FAULTS_MAX)
    )
    for payout_id, state, posted, amount, held in connection.execute(rows):
        if held != amount:
            yield f"pay-out {payout_id} is of {amount}, {held} was set aside"
        else:
            yield f"pay-out {payout_id} is {state} and has the postings {posted or 'none'}"
    yield from strays(connection, PAYOUT_SOURCES, c.id, "pay-out")
