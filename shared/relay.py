"""The relay: takes due outbox rows to the queue, gives audit rows their numbers, enqueues what is periodic.

One runs for each service; more may run, each passes over what another has in hand.  Killing it loses nothing.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from celery import Celery
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from shared import outbox, periodic, rows
from shared.audit.sequencer import BATCH, sequence_pending, sign_checkpoint
from shared.broker import AWAY, broker_at
from shared.context import WAKE_KEY, Context
from shared.outbox import BULK, QUEUES, Leased
from shared.tasks import Jobs
from shared.worker import RUN_TASK, queue_name

log = structlog.get_logger("andamio.relay")

LEASE_ROWS_MAX = 1_000
CHUNK_ROWS = 25
CHUNK_BYTES = 6 * 1024
"""Of the payloads of one message's rows: one row may be for many things, and what stands behind the message waits for all of them."""
QUEUE_MESSAGES_MAX = 80
IDLE_SECONDS = 0.5
GATHER_SECONDS = 0.01
"""How long a round that found work waits for more: rows that come one by one would cost a round each."""
BULK_GATHER_SECONDS = 0.25
"""How often what comes by thousands is taken: nobody waits for one of it, and much at a time costs less."""
FULL_SECONDS = 0.05
AWAY_SECONDS = 1.0
SEQUENCE_SECONDS = 0.5
SIGN_SECONDS = 5.0
LOOK_SECONDS = 2.0


class Relay:
    """The relay of one service in this process: two threads, one for the queue and one for the audit log."""

    def __init__(self, context: Context, celery: Celery, jobs: Jobs[Any]) -> None:  # Any: the jobs of whichever service this is
        self._context = context
        self._celery = celery
        self._broker = broker_at(context.settings.queue_url.reveal())
        self._jobs = jobs
        self._stop = threading.Event()
        self._look_at = 0.0  # monotonic: when to look after the queue and the periodic jobs next
        self._sign_at = 0.0
        self._bulk_at = 0.0  # monotonic: when to take what comes by thousands next
        self._threads = [
            threading.Thread(target=self._loop, args=(self._dispatch, "dispatch"), name=f"relay-{context.service}"),
            threading.Thread(target=self._loop, args=(self._sequence, "sequence"), name=f"sequencer-{context.service}"),
        ]

    def start(self) -> None:
        """Begin; returns at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the round under way and return."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._broker.close()

    def _loop(self, round_once: Any, name: str) -> None:  # a bound method of this class
        while not self._stop.is_set():
            try:
                round_once()
            except (SQLAlchemyError, *AWAY) as error:
                log.warning("engine away", what=name, error=type(error).__name__)
                self._stop.wait(AWAY_SECONDS)
            except Exception:
                log.exception("relay round failed", what=name)
                self._stop.wait(AWAY_SECONDS)

    def _dispatch(self) -> None:
        if time.monotonic() >= self._look_at:
            self.notice_lost_queue()
            self.enqueue_periodic()
            self._look_at = time.monotonic() + LOOK_SECONDS
        if self.dispatch_once():
            self._stop.wait(GATHER_SECONDS)
        else:
            self._wait_for_work()

    def _wait_for_work(self) -> None:
        until_bulk = self._bulk_at - time.monotonic()
        seconds = until_bulk if GATHER_SECONDS < until_bulk < IDLE_SECONDS else IDLE_SECONDS
        try:
            self._context.redis.blpop([WAKE_KEY + self._context.service], timeout=seconds)
        except RedisError:
            self._stop.wait(IDLE_SECONDS)

    def dispatch_once(self) -> int:
        """Lease what is due and publish it; return how many rows.  A queue whose workers are behind gets no more: what is not published
        cannot be lost.
        """
        context = self._context
        full = [queue for queue, count in zip(QUEUES, self._queued(), strict=True) if count >= QUEUE_MESSAGES_MAX]
        closed = full if time.monotonic() >= self._bulk_at else [*full, BULK]
        with context.db.single() as connection:
            rows = outbox.lease_due(connection, context.clock.now(), closed=closed, limit=LEASE_ROWS_MAX)
        if any(row.queue == BULK for row in rows):
            self._bulk_at = time.monotonic() + BULK_GATHER_SECONDS
        try:
            self._publish(rows)
        except AWAY:
            with context.db.begin() as connection:
                outbox.release(connection, rows, context.clock.now())
            raise
        if full:
            self._stop.wait(FULL_SECONDS)
            return max(1, len(rows))
        return len(rows)

    def _publish(self, rows: list[Leased]) -> None:
        groups: dict[tuple[str, str], list[Leased]] = defaultdict(list)
        for row in rows:
            groups[(row.queue, row.job)].append(row)
        for (queue, job), members in groups.items():
            for some in _chunks(members):
                chunk = [[row.id, row.lease] for row in some]
                self._celery.send_task(RUN_TASK, args=[job, chunk], queue=queue_name(self._context.service, queue), ignore_result=True)

    def _queued(self) -> list[int]:
        return self._broker.waiting([queue_name(self._context.service, queue) for queue in QUEUES])

    def notice_lost_queue(self) -> None:
        """Where the broker has restarted or was emptied, publish again what it had."""
        broker, service = self._broker, self._context.service
        if not broker.has_lost(service):
            return
        with self._context.db.begin() as connection:
            count = outbox.release_unstarted(connection, self._context.clock.now())
        broker.has_kept(service, [queue_name(service, queue) for queue in QUEUES])
        if count:
            log.warning("queue was lost, published again", rows=count)

    def enqueue_periodic(self) -> None:
        """Leave the next run of each periodic job in the outbox, unless one stands there: so none runs twice at once."""
        now = self._context.clock.now()
        table = outbox.outbox
        jobs = {each.job: each for each in self._jobs.periodic}
        standing = select(table.c.job).distinct().where(table.c.job.in_(jobs), table.c.state == "waiting")
        with self._context.db.begin() as connection:
            missing = jobs.keys() - set(connection.execute(standing).scalars())
            due = [(job, jobs[job].due_after(now)) for job in sorted(missing)]
            jobs_due = [{"job": job, "payload": {}, "due_at": due_at, "created_at": now} for job, due_at in due]
            rows.write(connection, outbox.rows_of(jobs_due))
            if due:
                periodic.watch(connection, jobs, now)

    def _sequence(self) -> None:
        if not self.sequence_once():
            self._stop.wait(SEQUENCE_SECONDS)

    def sequence_once(self) -> int:
        """Give waiting audit rows their numbers, sign a checkpoint when one is due; return how many rows were numbered."""
        context = self._context
        with context.db.begin() as connection:
            count = sequence_pending(connection)
        if count < BATCH and time.monotonic() >= self._sign_at:
            with context.db.begin() as connection:
                sign_checkpoint(connection, context.audit_signer, context.clock)
            self._sign_at = time.monotonic() + SIGN_SECONDS
        return count


def _chunks(rows: Sequence[Leased]) -> Iterator[list[Leased]]:
    """Give rows in messages of a size, in their order."""
    chunk: list[Leased] = []
    size = 0
    for row in rows:
        if chunk and (len(chunk) == CHUNK_ROWS or size + row.size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += row.size
    if chunk:
        yield chunk
