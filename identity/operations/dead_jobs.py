"""Jobs that were given up: what the operator sees of them, and running them again (§3.12)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from identity.context import Identity
from identity.events import Event
from shared import outbox

SHOWN_MAX = 200


@dataclass(frozen=True)
class DeadJob:
    """One job without its payload, which may be about a person."""

    id: int
    job: str
    failures: int
    error: str
    created_at: datetime
    request_id: str


def list_dead(identity: Identity) -> list[DeadJob]:
    """Return the jobs that were given up, the oldest first."""
    table = outbox.outbox
    query = select(table).where(table.c.state == "dead").order_by(table.c.id).limit(SHOWN_MAX)
    with identity.reading() as tx:
        rows = tx.connection.execute(query).all()
    return [DeadJob(row.id, row.job, row.failures, row.last_error or "", row.created_at, row.request_id) for row in rows]


def replay(identity: Identity, operator_id: UUID, job_id: int | None) -> int:
    """Make one job, or all that were given up, wait again; return how many."""
    with identity.transaction() as tx:
        count = outbox.replay(tx.connection, identity.clock.now(), row_ids=None if job_id is None else [job_id])
        if count:
            data: dict[str, str | int | bool | list[str]] = {"jobs": count}
            object_id = "all" if job_id is None else str(job_id)
            tx.record(Event.JOBS_REPLAYED, actor=f"person:{operator_id}", object_id=object_id, channel="web", data=data)
    return count
