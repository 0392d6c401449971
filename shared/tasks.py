"""Jobs: what a service does outside a request.  A job is a function of a context and a `Job`.

A job re-reads its row, leaves quietly if the state moved on, commits its intent, calls the outside with no transaction
open, and commits the outcome.  It may run again at any time: after a crash, a lost broker, or a repeat.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog
from opentelemetry.trace import SpanKind
from redis.exceptions import RedisError
from sqlalchemy.exc import InterfaceError, OperationalError

from shared import outbox, periodic, telemetry, trace
from shared.clock import ZONE
from shared.s3 import BucketAway

if TYPE_CHECKING:
    from shared.context import Context

C = TypeVar("C", bound="Context")
log = structlog.get_logger("andamio.jobs")

ALWAYS_PASSING = (OperationalError, InterfaceError, RedisError, BucketAway)
"""An engine that is away comes back: these are repeated without counting as failures."""

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 3600.0
DAY_SECONDS = 86_400
NIGHT_HOUR = 3


@dataclass(frozen=True)
class Job:
    """One piece of work: `payload` as it was enqueued, `attempt` from 1, the request and journey it came with."""

    payload: dict[str, Any]  # JSON: the job reads it into its own types
    attempt: int
    request_id: str = ""
    journey_id: str = ""


class RetryLater(Exception):
    """Asks for another run after a given time; counts as a failure."""

    def __init__(self, seconds: float, why: str = "") -> None:
        super().__init__(why or f"again in {seconds:g} s")
        self.seconds = seconds


@dataclass(frozen=True)
class _Definition(Generic[C]):
    run: Callable[[C, Job], None]
    retry_on: tuple[type[Exception], ...]
    attempts_max: int
    lease_seconds: int
    together: Callable[[C, Sequence[Job]], None] | None = None
    abreast: int = 1
    is_periodic: bool = False


@dataclass(frozen=True)
class Periodic:
    """A job that the relay enqueues again and again."""

    job: str
    every_seconds: int
    hour: int | None = None
    """At which hour of the day in Santiago, for what runs once a day."""

    def due_after(self, now: datetime) -> datetime:
        """Return when it runs next."""
        if self.hour is None:
            return now + timedelta(seconds=self.every_seconds)
        today = now.astimezone(ZONE).replace(hour=self.hour, minute=0, second=0, microsecond=0)
        at = today if today > now else today + timedelta(days=1)
        return at.astimezone(UTC)


class Jobs(Generic[C]):
    """The jobs of one service by name."""

    def __init__(self) -> None:
        self.definitions: dict[str, _Definition[C]] = {}
        self.periodic: list[Periodic] = []

    def job(
        self,
        name: str,
        *,
        retry_on: tuple[type[Exception], ...] = (),
        max_attempts: int = 12,
        lease_seconds: int = outbox.LEASE_SECONDS,
        together: Callable[[C, Sequence[Job]], None] | None = None,
        abreast: int = 1,
    ) -> Callable[[Callable[[C, Job], None]], Callable[[C, Job], None]]:
        """Declare a job.  `lease_seconds` must be longer than it may take; `retry_on` names the errors that pass.

        `together` does several at once where several wait, and gives each that must wait a job of its own: when it returns all
        are done.  When it raises, each is run alone.  `abreast` is how many are run at the same time where several wait: for what mostly
        waits for others.
        """

        def declare(run: Callable[[C, Job], None]) -> Callable[[C, Job], None]:
            if name in self.definitions:
                raise ValueError(f"two jobs named {name}")
            self.definitions[name] = _Definition(run, retry_on, max_attempts, lease_seconds, together, abreast)
            return run

        return declare

    def every(self, seconds: int, name: str) -> Callable[[Callable[[C], None]], Callable[[C], None]]:
        """Declare a job that runs every so many seconds, one at a time."""
        return self._repeat(Periodic(name, seconds))

    def nightly(self, name: str) -> Callable[[Callable[[C], None]], Callable[[C], None]]:
        """Declare a job that runs once a night, at three o'clock in Santiago."""
        return self._repeat(Periodic(name, DAY_SECONDS, NIGHT_HOUR))

    def _repeat(self, periodic: Periodic) -> Callable[[Callable[[C], None]], Callable[[C], None]]:
        def declare(run: Callable[[C], None]) -> Callable[[C], None]:
            self.definitions[periodic.job] = _Definition(lambda context, _job: run(context), (), 3, 600, is_periodic=True)
            self.periodic.append(periodic)
            return run

        return declare


def wait_seconds(failures: int) -> float:
    """Return the back-off after so many failures: doubling from one second to an hour, with jitter of half."""
    ceiling = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures, 20))
    return ceiling / 2 + random.random() * ceiling / 2  # noqa: S311 - jitter, not a secret


def run_leased(context: C, jobs: Jobs[C], job: str, row_id: int, lease: int, *, runner: str) -> bool:
    """Run one leased outbox row, if it is still to be run; return whether it was."""
    definition = jobs.definitions.get(job)
    seconds = definition.lease_seconds if definition else outbox.LEASE_SECONDS
    until = context.clock.now() + timedelta(seconds=seconds)
    with context.db.single() as connection:
        row = outbox.start(connection, row_id, lease, runner, until)
    if row is None:
        return False
    row = _in_a_journey(context, row)
    with trace.working_on(row.request_id, row.journey_id), telemetry.span(f"job {job}", kind=SpanKind.CONSUMER):
        _run_started(context, definition, row, lease)
    return True


def run_all_leased(context: C, jobs: Jobs[C], job: str, rows: Sequence[tuple[int, int]], *, runner: str) -> int:
    """Run leased rows (id, lease) of one job, together or abreast where the job says so; return how many were still to be run."""
    definition = jobs.definitions.get(job)
    if definition is None or definition.together is None or len(rows) == 1:
        threads = min(definition.abreast if definition else 1, len(rows))
        return sum(_mapped(threads, lambda row: run_leased(context, jobs, job, *row, runner=runner), rows))
    until = context.clock.now() + timedelta(seconds=definition.lease_seconds)
    with context.db.single() as connection:
        started = [(_in_a_journey(context, row), lease) for row, lease in outbox.start_many(connection, rows, runner, until)]
    if len(started) < 2 or not _done_together(context, definition.together, job, started):
        for row, lease in started:
            with trace.working_on(row.request_id, row.journey_id), telemetry.span(f"job {job}", kind=SpanKind.CONSUMER):
                _run_started(context, definition, row, lease)
    return len(started)


def _mapped(threads: int, act: Callable[[tuple[int, int]], bool], rows: Sequence[tuple[int, int]]) -> Iterator[bool]:
    """Do something with each row, by as many threads.  Raises: what the first that failed raised, once all have ended."""
    if threads <= 1:
        yield from map(act, rows)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="job") as pool:
        yield from pool.map(act, rows)


def _done_together(
    context: C, together: Callable[[C, Sequence[Job]], None], job: str, started: Sequence[tuple[outbox.Started, int]]
) -> bool:
    """Run rows together; return whether they are seen to."""
    began = telemetry.began()
    try:
        with telemetry.span(f"jobs {job}", kind=SpanKind.CONSUMER):
            together(context, [_job(row) for row, _ in started])
    except ALWAYS_PASSING as error:
        seconds = wait_seconds(2)
        for row, lease in started:
            _postpone(context, row, lease, error, seconds, counts=False)
    except Exception:
        log.exception("jobs failed together, run one by one", job=job, rows=len(started))
        return False
    else:
        with context.db.single() as connection:
            outbox.finish(connection, [(row.id, lease) for row, lease in started])
        for row, _ in started:
            with trace.working_on(row.request_id, row.journey_id):
                telemetry.ended(f"job {job}", began, kind=SpanKind.CONSUMER)
    return True


def _in_a_journey(context: C, row: outbox.Started) -> outbox.Started:
    """Give work that nobody's request left, such as periodic, a journey of its own: its logs, calls and further jobs belong together."""
    return row if row.journey_id else replace(row, journey_id=f"{context.service}-{row.id:08d}")


def _job(row: outbox.Started) -> Job:
    return Job(row.payload, row.failures + 1, row.request_id, row.journey_id)


def _run_started(context: C, definition: _Definition[C] | None, row: outbox.Started, lease: int) -> None:
    if definition is None:
        _bury(context, row, lease, "no such job in this release")
        return
    try:
        definition.run(context, _job(row))
    except ALWAYS_PASSING as error:
        _postpone(context, row, lease, error, wait_seconds(2), counts=False)
    except RetryLater as error:
        _fail(context, row, lease, error, seconds=error.seconds, attempts_max=definition.attempts_max)
    except definition.retry_on as error:
        _fail(context, row, lease, error, seconds=wait_seconds(row.failures), attempts_max=definition.attempts_max)
    except Exception as error:
        log.exception("job failed", job=row.job, outbox_id=row.id)
        _bury(context, row, lease, type(error).__name__)
    else:
        with context.db.single() as connection:
            if definition.is_periodic:
                periodic.note_end(connection, row.job, context.clock.now())
            outbox.finish(connection, [(row.id, lease)])


def _fail(context: C, row: outbox.Started, lease: int, error: Exception, *, seconds: float, attempts_max: int) -> None:
    if row.failures + 1 >= attempts_max:
        _bury(context, row, lease, f"gave up after {row.failures + 1}: {type(error).__name__}")
    else:
        _postpone(context, row, lease, error, seconds, counts=True)


def _postpone(context: C, row: outbox.Started, lease: int, error: Exception, seconds: float, *, counts: bool) -> None:
    due_at: datetime = context.clock.now() + timedelta(seconds=seconds)
    log.warning("job postponed", job=row.job, outbox_id=row.id, error=type(error).__name__, seconds=round(seconds, 1))
    with context.db.single() as connection:
        outbox.postpone(connection, row.id, lease, due_at=due_at, error=type(error).__name__, counts=counts)


def _bury(context: C, row: outbox.Started, lease: int, error: str) -> None:
    log.error("job is dead", job=row.job, outbox_id=row.id, error=error)
    with context.db.single() as connection:
        outbox.bury(connection, row.id, lease, error=error)
