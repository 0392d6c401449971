import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial

import pytest
from celery import Celery
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from shared import metrics, outbox, worker
from shared.clock import FixedClock
from shared.context import Context
from shared.outbox import BULK, QUEUES, URGENT
from shared.relay import CHUNK_BYTES, CHUNK_ROWS, Relay
from shared.tasks import Job, Jobs, run_leased
from shared.worker import RUN_TASK, make_celery, queue_name


@pytest.fixture
def jobs() -> Jobs[Context]:
    made: Jobs[Context] = Jobs()
    made.job("greet")(lambda _context, _job: None)
    return made


@pytest.fixture
def celery(context: Context, jobs: Jobs[Context]) -> Celery:
    return make_celery(context, jobs, runner="toy-1")


@pytest.fixture
def relay(context: Context, celery: Celery, jobs: Jobs[Context]) -> Relay:
    return Relay(context, celery, jobs)


def messages(context: Context, queue: str = "") -> list[list[object]]:
    """The arguments of each message that stands in the queue."""
    import base64

    raw = context.redis.lrange(queue_name("toy", queue), 0, -1)
    assert isinstance(raw, list)
    return [json.loads(base64.b64decode(json.loads(item)["body"]))[0] for item in raw]


def enqueue(context: Context, count: int, *, queue: str = "", payload: str = "") -> None:
    with context.transaction() as tx:
        for _ in range(count):
            tx.enqueue("greet", {"payload": payload} if payload else {}, queue=queue)


def test_due_rows_are_published_in_chunks(context: Context, relay: Relay) -> None:
    enqueue(context, CHUNK_ROWS + 3)
    assert relay.dispatch_once() == CHUNK_ROWS + 3
    assert sorted(len(args[1]) for args in messages(context)) == [3, CHUNK_ROWS]  # type: ignore[arg-type]
    assert relay.dispatch_once() == 0


def test_what_waits_for_a_worker_is_counted_apart_from_what_has_its_time_yet_to_come(context: Context, relay: Relay) -> None:
    """Workers are made more by it: a reminder of next month, or a repeat of tomorrow, needs none."""
    with context.transaction() as tx:
        tx.enqueue("greet", {}, due_at=context.clock.now() + timedelta(days=1))
    enqueue(context, 2)

    def depth() -> tuple[int, int]:
        with context.db.begin() as connection:
            found = outbox.depth(connection, context.clock.now())
        return found.waiting, found.due

    assert depth() == (3, 2)
    relay.dispatch_once()
    assert depth() == (3, 2), "in the queue"
    ((_, ((row_id, lease), _)),) = messages(context)  # type: ignore[misc]
    with context.db.begin() as connection:
        assert outbox.start(connection, row_id, lease, "toy-1", context.clock.now() + timedelta(minutes=1))
    assert depth() == (3, 1), "one has a worker"


def test_a_message_holds_fewer_rows_that_are_for_much(context: Context, relay: Relay) -> None:
    enqueue(context, 5, payload="x" * (CHUNK_BYTES // 2 - 100))
    enqueue(context, 1, payload="x" * CHUNK_BYTES * 2)
    assert relay.dispatch_once() == 6
    assert sorted(len(args[1]) for args in messages(context)) == [1, 1, 2, 2]  # type: ignore[arg-type]


def test_message_runs_its_rows_and_leaves_nothing(context: Context, relay: Relay, celery: Celery) -> None:
    enqueue(context, 4)
    relay.dispatch_once()
    ((job, rows),) = messages(context)
    celery.tasks[RUN_TASK](job, rows)
    with context.db.begin() as connection:
        assert outbox.depth(connection, context.clock.now()) == outbox.Depth(0, 0, 0, 0.0)


def test_worker_that_loses_its_database_hands_its_rows_back_at_once(
    context: Context, jobs: Jobs[Context], relay: Relay, celery: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row under way and those behind it in the message: none waits for the end of its lease."""
    monkeypatch.setattr(worker, "AWAY_SECONDS", 0.0)
    away, ran = iter(range(3)), list[int]()

    def unless_away(connect: Callable[[], AbstractContextManager[Connection]]) -> AbstractContextManager[Connection]:
        if ran and next(away, None) is not None:
            raise OperationalError("", {}, Exception("the server closed the connection"))
        return connect()

    for name in ("begin", "single"):
        monkeypatch.setattr(context.db, name, partial(unless_away, getattr(context.db, name)))
    jobs.job("note")(lambda _context, job: ran.append(job.attempt))
    with context.transaction() as tx:
        for _ in range(3):
            tx.enqueue("note", {})
    for runs_in_all in (1, 4):
        assert relay.dispatch_once() == 3
        ((job, rows),) = messages(context)
        context.redis.delete(queue_name("toy", ""))
        celery.tasks[RUN_TASK](job, rows)
        assert len(ran) == runs_in_all
    with context.db.begin() as connection:
        assert outbox.depth(connection, context.clock.now()) == outbox.Depth(0, 0, 0, 0.0)


def test_emptied_broker_is_noticed_and_everything_is_published_again(context: Context, relay: Relay) -> None:
    relay.notice_lost_queue()
    enqueue(context, 5)
    relay.dispatch_once()
    context.redis.flushdb()
    relay.notice_lost_queue()
    assert relay.dispatch_once() == 5
    relay.notice_lost_queue()
    assert relay.dispatch_once() == 0


def test_rows_that_could_not_be_published_are_due_again(context: Context, jobs: Jobs[Context], clock: FixedClock) -> None:
    unreachable = Celery("nowhere", broker="redis://127.0.0.1:1/0", set_as_current=False)
    unreachable.conf.update(broker_transport_options={"socket_connect_timeout": 0.2}, task_publish_retry=False)
    enqueue(context, 3)
    with pytest.raises(Exception, match=r"Error|refused"):
        Relay(context, unreachable, jobs).dispatch_once()
    with context.db.begin() as connection:
        assert len(outbox.lease_due(connection, clock.now(), limit=10)) == 3


def test_periodic_job_stands_once_in_the_outbox(context: Context, clock: FixedClock) -> None:
    jobs: Jobs[Context] = Jobs()
    jobs.every(60, "sweep")(lambda _context: None)
    relay = Relay(context, make_celery(context, jobs, runner="toy-1"), jobs)
    for _ in range(3):
        relay.enqueue_periodic()
    with context.db.begin() as connection:
        rows = connection.execute(select(outbox.outbox.c.job, outbox.outbox.c.due_at)).all()
    assert [tuple(row) for row in rows] == [("sweep", clock.now() + timedelta(seconds=60))]


def test_it_is_known_when_a_periodic_job_came_to_its_end(context: Context, clock: FixedClock) -> None:
    """Over restarts, and also of one that never did; a job that this release does not have is not asked for any more."""
    faults: list[Exception] = []

    def sweep(_context: Context) -> None:
        if faults:
            raise faults.pop()

    jobs: Jobs[Context] = Jobs()
    jobs.every(60, "sweep")(sweep)
    relay = Relay(context, make_celery(context, jobs, runner="toy-1"), jobs)

    def after(seconds: float) -> str:
        """A run so many seconds later; what the metrics say of it a minute after that."""
        relay.enqueue_periodic()
        clock.advance(seconds=seconds)
        with context.db.begin() as connection:
            leased = outbox.lease_due(connection, clock.now(), limit=10)
        for row in leased:
            run_leased(context, jobs, row.job, row.id, row.lease, runner="toy-1")
        clock.advance(seconds=60)
        shown = metrics.exposition("toy", context.db, clock)[0].decode().splitlines()
        return " ".join(line for line in shown if line.startswith("andamio_periodic_ended_seconds{"))

    assert after(59) == 'andamio_periodic_ended_seconds{name="sweep",service="toy"} 119.0', "not yet"
    assert after(0) == 'andamio_periodic_ended_seconds{name="sweep",service="toy"} 60.0'
    faults.append(ValueError("a fault"))
    assert after(60) == 'andamio_periodic_ended_seconds{name="sweep",service="toy"} 180.0', "it failed"
    assert after(60) == 'andamio_periodic_ended_seconds{name="sweep",service="toy"} 60.0'
    others: Jobs[Context] = Jobs()
    others.every(60, "another")(sweep)
    Relay(context, make_celery(context, others, runner="toy-2"), others).enqueue_periodic()
    assert metrics.exposition("toy", context.db, clock)[0].count(b'andamio_periodic_ended_seconds{name="sweep"') == 0


def test_full_queue_holds_the_rest_back(context: Context, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.relay.QUEUE_MESSAGES_MAX", 1)
    enqueue(context, 2)
    relay.dispatch_once()
    enqueue(context, 2)
    relay.dispatch_once()
    assert len(messages(context)) == 1
    context.redis.delete(queue_name("toy", ""))
    assert relay.dispatch_once() == 2


def test_one_full_queue_holds_no_other_back(context: Context, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.relay.QUEUE_MESSAGES_MAX", 1)
    for queue in (BULK, BULK, URGENT, ""):
        enqueue(context, 1, queue=queue)
        relay.dispatch_once()
    assert [len(messages(context, queue)) for queue in QUEUES] == [1, 1, 1]


def test_running_relay_numbers_audit_rows_and_stops_when_told(context: Context, relay: Relay, clock: FixedClock) -> None:
    from enum import StrEnum

    class Action(StrEnum):
        DID = "toy:thing:did"

    with context.transaction() as tx:
        tx.record(Action.DID, actor="client:x", subject="cl-run:11111111-1")
    clock.advance(seconds=400)
    assert b'andamio_audit_oldest_seconds{service="toy"} 400.0' in metrics.exposition("toy", context.db, clock)[0]
    assert relay.sequence_once() == 1
    assert b'andamio_audit_oldest_seconds{service="toy"} 0.0' in metrics.exposition("toy", context.db, clock)[0]
    with context.db.begin() as connection:
        assert connection.exec_driver_sql("select count(*) from audit_sequence").scalar_one() == 1
        assert connection.exec_driver_sql("select count(*) from audit_checkpoints").scalar_one() == 1
    relay.start()
    relay.stop()


def test_woken_relay_finds_work(context: Context) -> None:
    enqueue(context, 1)
    assert context.redis.llen("andamio:wake:toy") == 1
    enqueue(context, 1)
    assert context.redis.llen("andamio:wake:toy") == 1


def test_lost_redis_does_not_stop_a_transaction(context: Context) -> None:
    context.redis.connection_pool.disconnect()
    context.__dict__["redis"] = type(context.redis).from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    enqueue(context, 1)
    with context.db.begin() as connection:
        assert outbox.depth(connection, context.clock.now()).waiting == 1


def test_job_signature_is_what_the_worker_calls(context: Context, jobs: Jobs[Context]) -> None:
    assert jobs.definitions["greet"].run(context, Job({}, 1)) is None  # type: ignore[func-returns-value]
