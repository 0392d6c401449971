"""When each periodic job last came to its end: one that fails again and again, or never ends, is seen whatever was restarted."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, delete, select
from sqlalchemy.dialects.postgresql import insert

from shared.db import UtcDateTime, shared_metadata

periodic_ends = Table(
    "periodic_ends",
    shared_metadata,
    Column("job", String(80), primary_key=True),
    Column("ended_at", UtcDateTime, nullable=False),
)
"""Before a job's first end: when the relay first knew it."""


def watch(connection: Connection, jobs: Iterable[str], now: datetime) -> None:
    """Begin with the jobs that are new, and leave those that this release does not have."""
    known = sorted(jobs)
    connection.execute(delete(periodic_ends).where(periodic_ends.c.job.not_in(known)))
    if known:
        rows = [{"job": job, "ended_at": now} for job in known]
        connection.execute(insert(periodic_ends).values(rows).on_conflict_do_nothing())


def note_end(connection: Connection, job: str, now: datetime) -> None:
    """Note that a job came to its end."""
    ended = insert(periodic_ends).values(job=job, ended_at=now)
    connection.execute(ended.on_conflict_do_update(index_elements=["job"], set_={"ended_at": now}))


def since_ends(connection: Connection, now: datetime) -> dict[str, float]:
    """Return how many seconds ago each job last came to its end."""
    rows = connection.execute(select(periodic_ends)).all()
    return {row.job: max(0.0, (now - row.ended_at).total_seconds()) for row in rows}
