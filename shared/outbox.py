"""The outbox: work that must happen, written in the transaction that decided it.

A row stays until its job has returned; the broker only carries ids and may lose everything at any time.

- The **relay** leases rows that are due (`lease` counts the leases, `due_at` moves to the lease's end, `published` is set)
  and publishes their ids.
- A **worker** starts a row only if the lease it was told is still the present one and nobody runs it (`start`), and
  afterwards deletes it (`finish`), sets it a later time (`postpone`) or buries it (`bury`: state `dead`, seen and replayed by people).
- A lease that runs out, because a worker or the broker died, makes the row due again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.clock import rfc3339
from shared.db import UtcDateTime, shared_metadata
from shared.rows import Rows

LEASE_SECONDS = 60
URGENT, BULK = "urgent", "bulk"
QUEUES = ("", URGENT, BULK)
"""The queues of each service.  A worker takes from each in turn, so that one message does not stand behind a hundred thousand."""

outbox = Table(
    "outbox",
    shared_metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("job", String(80), nullable=False),
    Column("queue", String(40), nullable=False, server_default=""),
    Column("payload", JSONB, nullable=False),
    Column("state", String(10), nullable=False, server_default="waiting"),
    Column("due_at", UtcDateTime, nullable=False),
    Column("lease", Integer, nullable=False, server_default="0"),
    Column("published", Boolean, nullable=False, server_default="false"),
    Column("runner", String(80)),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("last_error", String(200)),
    Column("request_id", String(64), nullable=False, server_default=""),
    Column("journey_id", String(64), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_outbox_due_at", "due_at", postgresql_where=text("state = 'waiting'")),
)


@dataclass(frozen=True)
class Leased:
    """A row that the relay may publish; `size` is that of its payload in bytes."""

    id: int
    job: str
    queue: str
    lease: int
    size: int


@dataclass(frozen=True)
class Started:
    """A row that this worker now runs."""

    id: int
    job: str
    payload: dict[str, object]
    failures: int
    request_id: str
    journey_id: str


# Made once: making a statement takes longer than running it.
_DUE = (
    select(outbox.c.id)
    .where(outbox.c.state == "waiting", outbox.c.due_at <= bindparam("now"))
    .where(outbox.c.queue != func.all(bindparam("closed", type_=ARRAY(String))))
    .order_by(outbox.c.due_at)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_LEASE_DUE = (
    update(outbox)
    .where(outbox.c.id.in_(_DUE.scalar_subquery()))
    .values(lease=outbox.c.lease + 1, published=True, runner=None, due_at=bindparam("until"))
    .returning(outbox.c.id, outbox.c.job, outbox.c.queue, outbox.c.lease, func.octet_length(cast(outbox.c.payload, Text)))
)
_START = (
    update(outbox)
    .where(outbox.c.id == bindparam("of_id"), outbox.c.lease == bindparam("of_lease"))
    .where(outbox.c.runner.is_(None), outbox.c.state == "waiting")
    .values(runner=bindparam("by"), published=False, due_at=bindparam("until"))
    .returning(outbox.c.id, outbox.c.job, outbox.c.payload, outbox.c.failures, outbox.c.request_id, outbox.c.journey_id)
)

_START_MANY = text(
    "UPDATE outbox SET runner = :runner, published = false, due_at = :until"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:leases AS integer[])) AS wanted (id, lease)"
    " WHERE outbox.id = wanted.id AND outbox.lease = wanted.lease AND outbox.runner IS NULL AND outbox.state = 'waiting'"
    " RETURNING outbox.id, outbox.job, outbox.payload, outbox.failures, outbox.request_id, outbox.journey_id, outbox.lease"
)
_FINISH = text(
    "DELETE FROM outbox USING unnest(CAST(:ids AS bigint[]), CAST(:leases AS integer[])) AS done (id, lease)"
    " WHERE outbox.id = done.id AND outbox.lease = done.lease"
)
JOBS = Rows(
    name="jobs",
    insert="INSERT INTO outbox (job, queue, payload, due_at, request_id, journey_id, created_at)"
    " SELECT job, COALESCE(queue, ''), payload, due_at, COALESCE(request_id, ''), COALESCE(journey_id, ''), created_at"
    " FROM json_to_recordset(CAST(:jobs AS json)) AS row (job text, queue text, payload jsonb, due_at timestamptz, request_id text,"
    " journey_id text, created_at timestamptz)",
)


def rows_of(jobs: Sequence[dict[str, object]]) -> dict[Rows, str]:
    """Return jobs as `shared.rows.write` takes them; nothing where there are none."""
    return {JOBS: json.dumps(jobs, default=rfc3339)} if jobs else {}


def lease_due(
    connection: Connection, now: datetime, *, limit: int, closed: Sequence[str] = (), lease_seconds: int = LEASE_SECONDS
) -> list[Leased]:
    """Lease the rows that are due, oldest first, but those of closed queues; rows that another relay is leasing are passed over."""
    values = {"now": now, "closed": list(closed), "most": limit, "until": now + timedelta(seconds=lease_seconds)}
    leased = connection.execute(_LEASE_DUE, values).all()
    return sorted((Leased(*row) for row in leased), key=lambda row: row.id)


def release(connection: Connection, rows: Sequence[Leased], now: datetime) -> None:
    """Make rows due again that could not be published."""
    keys = [(row.id, row.lease) for row in rows]
    connection.execute(
        update(outbox).where(tuple_(outbox.c.id, outbox.c.lease).in_(keys), outbox.c.runner.is_(None)).values(due_at=now, published=False)
    )


def release_unstarted(connection: Connection, now: datetime) -> int:
    """Make due again all that was published and not started: the broker has lost its queue."""
    return connection.execute(update(outbox).where(outbox.c.published).values(due_at=now, published=False)).rowcount


def release_runner(connection: Connection, runner: str, now: datetime) -> int:
    """Make due again what a worker of this name ran when it died."""
    return connection.execute(
        update(outbox).where(outbox.c.runner == runner, outbox.c.state == "waiting").values(due_at=now, runner=None)
    ).rowcount


def start(connection: Connection, row_id: int, lease: int, runner: str, until: datetime) -> Started | None:
    """Take a row to run it, or return None where it is done, taken, or leased anew."""
    row = connection.execute(_START, {"of_id": row_id, "of_lease": lease, "by": runner, "until": until}).one_or_none()
    return Started(*row) if row else None


def start_many(connection: Connection, rows: Sequence[tuple[int, int]], runner: str, until: datetime) -> list[tuple[Started, int]]:
    """Take several rows as `start` does; give those that are still to be run, oldest first, each with its lease."""
    asked = {"ids": [row_id for row_id, _ in rows], "leases": [lease for _, lease in rows], "runner": runner, "until": until}
    taken = connection.execute(_START_MANY, asked).all()
    return sorted(((Started(*row[:-1]), row[-1]) for row in taken), key=lambda pair: pair[0].id)


def finish(connection: Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Delete rows whose jobs have returned: (id, lease)."""
    connection.execute(_FINISH, {"ids": [row_id for row_id, _ in rows], "leases": [lease for _, lease in rows]})


def postpone(connection: Connection, row_id: int, lease: int, *, due_at: datetime, error: str, counts: bool) -> None:
    """Set a row a later time; `counts` adds to its failures."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.lease == lease)
        .values(due_at=due_at, published=False, runner=None, last_error=error[:200], failures=outbox.c.failures + (1 if counts else 0))
    )


def bury(connection: Connection, row_id: int, lease: int, *, error: str) -> None:
    """Give up on a row: it is kept, counted in the metrics, and runs again only when a person replays it."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.lease == lease)
        .values(state="dead", runner=None, last_error=error[:200], failures=outbox.c.failures + 1)
    )


def replay(connection: Connection, now: datetime, *, row_ids: Sequence[int] | None = None) -> int:
    """Make dead rows wait again, all or the named ones; return how many."""
    statement = update(outbox).where(outbox.c.state == "dead").values(state="waiting", due_at=now, failures=0, runner=None)
    if row_ids is not None:
        statement = statement.where(outbox.c.id.in_(row_ids))
    return connection.execute(statement).rowcount


def drop(connection: Connection, row_ids: Sequence[int]) -> int:
    """Delete dead rows that nobody will ever replay; return how many.  A row that waits is not touched."""
    return connection.execute(delete(outbox).where(outbox.c.state == "dead", outbox.c.id.in_(row_ids))).rowcount


@dataclass(frozen=True)
class Dead:
    """A job that was given up, without its payload, which may be about a person."""

    id: int
    job: str
    failures: int
    last_error: str
    created_at: datetime
    request_id: str


def list_dead(connection: Connection, *, limit: int | None = None) -> list[Dead]:
    """Return the jobs that were given up, the oldest first."""
    shown = (outbox.c.id, outbox.c.job, outbox.c.failures, func.coalesce(outbox.c.last_error, ""), outbox.c.created_at, outbox.c.request_id)
    rows = connection.execute(select(*shown).where(outbox.c.state == "dead").order_by(outbox.c.id).limit(limit)).all()
    return [Dead(*row) for row in rows]


@dataclass(frozen=True)
class Depth:
    """How much waits: `due` of it now, for a worker; the rest has its time yet to come, or is being run.

    `oldest_seconds` is how long the most overdue row has been due.
    """

    waiting: int
    due: int
    dead: int
    oldest_seconds: float


def depth(connection: Connection, now: datetime) -> Depth:
    """Count what waits and what is dead."""
    waiting = func.count().filter(outbox.c.state == "waiting")
    due = func.count().filter(outbox.c.state == "waiting", or_(outbox.c.due_at <= now, outbox.c.published))
    dead = func.count().filter(outbox.c.state == "dead")
    oldest = func.min(outbox.c.due_at).filter(outbox.c.state == "waiting")
    row = connection.execute(select(waiting, due, dead, oldest).select_from(outbox)).one()
    return Depth(row[0], row[1], row[2], max(0.0, (now - row[3]).total_seconds()) if row[3] else 0.0)
