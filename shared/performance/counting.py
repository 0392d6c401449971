"""Counting: each service has one query over its own tables; the days that may still change are counted anew, whole.

The query takes `start`, `end` (times), `now` and `trial` (whether services on trial count too: in a sandbox) and gives rows of
service, service_name, product, channel, started, completed, failed, avoidable.  Counting a day anew makes a run that died, or
ran twice, harmless.  Nouns that are counted are kept for two days at least.
"""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import TextClause, delete, text
from sqlalchemy.dialects.postgresql import insert

from shared.context import Context
from shared.performance.tables import performance_days, satisfaction_answered

COUNT_SECONDS = 900
STATEMENT_TIMEOUT_MS = 120_000
OPEN_DAYS = 2
"""Today and yesterday: what began before that has ended."""


def count_days(context: Context, query: TextClause) -> None:
    """Count today and yesterday, and forget which questions were answered that can be answered no more."""
    today = context.clock.now().astimezone(UTC).date()
    for back in range(OPEN_DAYS):
        _count_day(context, query, today - timedelta(days=back))
    with context.transaction() as tx:
        tx.forget(delete(satisfaction_answered).where(satisfaction_answered.c.expires_on < today))


def _count_day(context: Context, query: TextClause, day: date) -> None:
    start = datetime.combine(day, time(), UTC)
    asked = {"start": start, "end": start + timedelta(days=1), "now": context.clock.now(), "trial": context.settings.is_sandbox}
    with context.db.begin() as connection:
        connection.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"))
        rows = [{"day": day, **row._mapping} for row in connection.execute(query, asked)]
        if not rows:
            return
        upsert = insert(performance_days)
        changed = {name: upsert.excluded[name] for name in ("service_name", "started", "completed", "failed", "avoidable")}
        connection.execute(upsert.on_conflict_do_update(index_elements=["day", "service", "product", "channel"], set_=changed), rows)
