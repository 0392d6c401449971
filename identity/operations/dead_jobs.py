"""Jobs that were given up: what the operator sees of them, and running them again (§3.12)."""

from uuid import UUID

from identity.context import Identity
from identity.events import Event
from shared import outbox

SHOWN_MAX = 200


def list_dead(identity: Identity) -> list[outbox.Dead]:
    """Return the jobs that were given up, the oldest first."""
    with identity.reading() as tx:
        return outbox.list_dead(tx.connection, limit=SHOWN_MAX)


def replay(identity: Identity, operator_id: UUID, job_id: int | None) -> int:
    """Make one job, or all that were given up, wait again; return how many."""
    with identity.transaction() as tx:
        count = outbox.replay(tx.connection, identity.clock.now(), row_ids=None if job_id is None else [job_id])
        if count:
            data: dict[str, str | int | bool | list[str]] = {"jobs": count}
            object_id = "all" if job_id is None else str(job_id)
            tx.record(Event.JOBS_REPLAYED, actor=f"person:{operator_id}", object_id=object_id, channel="web", data=data)
    return count
