import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from shared import outbox, trace
from shared.clock import FixedClock
from shared.context import Context
from shared.outbox import Leased
from shared.tasks import Job, Jobs, Periodic, RetryLater, run_all_leased, run_leased, wait_seconds
from shared.worker import release_predecessor


class Passing(Exception):
    pass


@pytest.fixture
def jobs() -> Jobs[Context]:
    return Jobs()


def leased(context: Context, job: str, **payload: object) -> Leased:
    with context.transaction() as tx:
        tx.enqueue(job, payload)
    with context.db.begin() as connection:
        (row,) = outbox.lease_due(connection, context.clock.now(), limit=10)
    return row


def rows(context: Context) -> list[dict[str, object]]:
    with context.db.begin() as connection:
        return [dict(row) for row in connection.execute(select(outbox.outbox)).mappings()]


def run(context: Context, jobs: Jobs[Context], row: Leased, runner: str = "w1") -> bool:
    return run_leased(context, jobs, row.job, row.id, row.lease, runner=runner)


def failing(error: Exception) -> Callable[[Context, Job], None]:
    def work(_context: Context, _job: Job) -> None:
        raise error

    return work


def test_job_gets_its_payload_and_leaves_nothing(context: Context, jobs: Jobs[Context]) -> None:
    seen: list[Job] = []
    jobs.job("greet")(lambda _context, job: seen.append(job))
    row = leased(context, "greet", name="Ñuñoa")
    assert run(context, jobs, row)
    assert seen == [Job({"name": "Ñuñoa"}, 1, journey_id=f"toy-{row.id:08d}")]
    assert rows(context) == []


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-06-08T16:00:00+00:00", "2026-06-09T07:00:00+00:00"),
        ("2026-06-09T06:59:59+00:00", "2026-06-09T07:00:00+00:00"),
        ("2026-06-09T07:00:00+00:00", "2026-06-10T07:00:00+00:00"),
        ("2026-09-05T20:00:00+00:00", "2026-09-06T06:00:00+00:00"),  # the clocks go forward between
    ],
)
def test_what_is_nightly_runs_at_three_in_santiago(now: str, due: str) -> None:
    jobs: Jobs[Context] = Jobs()
    jobs.nightly("look")(lambda _context: None)
    assert [each.due_after(datetime.fromisoformat(now)) for each in jobs.periodic] == [datetime.fromisoformat(due)]
    assert Periodic("sweep", 60).due_after(datetime.fromisoformat(now)) == datetime.fromisoformat(now) + timedelta(seconds=60)


def test_job_works_in_the_name_of_the_request_that_left_it(context: Context, jobs: Jobs[Context]) -> None:
    seen: list[tuple[str, str]] = []
    jobs.job("greet")(lambda _context, _job: seen.append((trace.request_id(), trace.journey_id())))
    with trace.working_on("request-1", "journey-1"):
        row = leased(context, "greet")
    run(context, jobs, row)
    assert seen == [("request-1", "journey-1")]


@pytest.mark.rule("requirements", "SH-6")
def test_work_that_no_request_left_is_a_journey_of_its_own(context: Context, jobs: Jobs[Context]) -> None:
    """What a periodic job calls and leaves belongs together, and to nothing else."""
    seen: list[str] = []

    def sweep(context: Context, _job: Job) -> None:
        seen.append(trace.journey_id())
        with context.transaction() as tx:
            tx.enqueue("greet", {})

    jobs.job("sweep")(sweep)
    jobs.job("greet")(lambda _context, _job: seen.append(trace.journey_id()))
    for _ in range(2):
        run(context, jobs, leased(context, "sweep"))
        with context.db.begin() as connection:
            (left,) = outbox.lease_due(connection, context.clock.now(), limit=10)
        run(context, jobs, left)
    assert seen[0] == seen[1] != seen[2] == seen[3]
    assert all(trace.accepted(journey) for journey in seen), "others take it over from the header"


def test_rolled_back_transaction_leaves_no_job(context: Context) -> None:
    with pytest.raises(Passing), context.transaction() as tx:
        tx.enqueue("greet", {})
        raise Passing
    assert rows(context) == []


def test_second_message_for_the_same_lease_is_passed_over(context: Context, jobs: Jobs[Context]) -> None:
    calls: list[bool] = []
    row = leased(context, "slow")

    def work(_context: Context, _job: Job) -> None:
        calls.append(run(context, jobs, row, "w2"))  # the same message, to another worker, meanwhile

    jobs.job("slow")(work)
    assert run(context, jobs, row)
    assert calls == [False]
    assert not run(context, jobs, row)


def test_lease_that_ran_out_is_leased_again_and_the_old_message_is_dead(context: Context, jobs: Jobs[Context], clock: FixedClock) -> None:
    calls: list[int] = []
    jobs.job("greet")(lambda _context, job: calls.append(job.attempt))
    first = leased(context, "greet")
    clock.advance(seconds=outbox.LEASE_SECONDS + 1)
    with context.db.begin() as connection:
        (second,) = outbox.lease_due(connection, clock.now(), limit=10)
    assert second.lease == first.lease + 1
    assert not run(context, jobs, first)
    assert run(context, jobs, second)
    assert calls == [1]


def test_worker_that_died_is_succeeded_at_once(context: Context, clock: FixedClock) -> None:
    row = leased(context, "greet")
    with context.db.begin() as connection:
        assert outbox.start(connection, row.id, row.lease, "toy-1", clock.now() + timedelta(hours=1))
        assert outbox.lease_due(connection, clock.now(), limit=10) == []
        assert outbox.release_runner(connection, "toy-1", clock.now()) == 1
        assert len(outbox.lease_due(connection, clock.now(), limit=10)) == 1


def test_what_a_dead_worker_had_not_begun_is_published_again_at_once(context: Context, clock: FixedClock) -> None:
    """A worker is handed rows in batches: those after the one it died at would stand until their lease ends."""
    begun, waiting, of_another = leased(context, "greet"), leased(context, "greet"), leased(context, "greet")
    with context.db.begin() as connection:
        until = clock.now() + timedelta(hours=1)
        outbox.start(connection, begun.id, begun.lease, "toy-1", until)
        outbox.start(connection, of_another.id, of_another.lease, "toy-2", until)
    release_predecessor(context, "toy-1")
    with context.db.begin() as connection:
        assert [row.id for row in outbox.lease_due(connection, clock.now(), limit=10)] == [begun.id, waiting.id]


def test_named_error_is_tried_again_later_then_buried(context: Context, jobs: Jobs[Context], clock: FixedClock) -> None:
    jobs.job("send", retry_on=(Passing,), max_attempts=3)(failing(Passing("secret text")))
    row = leased(context, "send")
    for failures in (1, 2):
        run(context, jobs, row)
        (kept,) = rows(context)
        assert (kept["state"], kept["failures"], kept["last_error"]) == ("waiting", failures, "Passing")
        clock.advance(seconds=10)
        with context.db.begin() as connection:
            (row,) = outbox.lease_due(connection, clock.now(), limit=10)
    run(context, jobs, row)
    (kept,) = rows(context)
    assert (kept["state"], kept["last_error"]) == ("dead", "gave up after 3: Passing")


def test_fault_of_ours_is_buried_at_once_without_its_text(context: Context, jobs: Jobs[Context]) -> None:
    jobs.job("send", retry_on=(Passing,))(failing(KeyError("11.111.111-1")))
    run(context, jobs, leased(context, "send"))
    (kept,) = rows(context)
    assert (kept["state"], kept["last_error"]) == ("dead", "KeyError")


def test_engine_that_is_away_does_not_count(context: Context, jobs: Jobs[Context]) -> None:
    jobs.job("send", max_attempts=1)(failing(OperationalError("select", {}, Exception("gone"))))
    run(context, jobs, leased(context, "send"))
    (kept,) = rows(context)
    assert (kept["state"], kept["failures"]) == ("waiting", 0)


def test_job_may_ask_for_a_given_wait(context: Context, jobs: Jobs[Context], clock: FixedClock) -> None:
    jobs.job("send")(failing(RetryLater(3600)))
    run(context, jobs, leased(context, "send"))
    (kept,) = rows(context)
    assert kept["due_at"] == clock.now() + timedelta(hours=1)


def test_dead_job_is_replayed_by_hand(context: Context, jobs: Jobs[Context], clock: FixedClock) -> None:
    jobs.job("send")(failing(KeyError()))
    run(context, jobs, leased(context, "send"))
    with context.db.begin() as connection:
        assert outbox.depth(connection, clock.now()).dead == 1
        assert outbox.lease_due(connection, clock.now() + timedelta(days=1), limit=10) == []
        assert outbox.replay(connection, clock.now()) == 1
        assert len(outbox.lease_due(connection, clock.now(), limit=10)) == 1


def test_job_that_this_release_does_not_know_is_kept(context: Context, jobs: Jobs[Context]) -> None:
    run(context, jobs, leased(context, "of tomorrow"))
    (kept,) = rows(context)
    assert (kept["state"], kept["last_error"]) == ("dead", "no such job in this release")


def test_due_time_is_waited_for(context: Context, clock: FixedClock) -> None:
    with context.transaction() as tx:
        tx.enqueue("later", {}, due_at=clock.now() + timedelta(days=2))
    with context.db.begin() as connection:
        assert outbox.lease_due(connection, clock.now(), limit=10) == []
        assert len(outbox.lease_due(connection, clock.now() + timedelta(days=2), limit=10)) == 1


def test_emptied_queue_is_published_again_but_running_and_postponed_rows_are_left(
    context: Context, jobs: Jobs[Context], clock: FixedClock
) -> None:
    jobs.job("send", retry_on=(Passing,))(failing(Passing()))
    running, postponed, published = (leased(context, "send") for _ in range(3))
    run(context, jobs, postponed)
    with context.db.begin() as connection:
        outbox.start(connection, running.id, running.lease, "w", clock.now() + timedelta(minutes=1))
        assert outbox.release_unstarted(connection, clock.now()) == 1
        assert [row.id for row in outbox.lease_due(connection, clock.now(), limit=10)] == [published.id]


def test_two_relays_never_lease_the_same_row(context: Context, clock: FixedClock) -> None:
    with context.transaction() as tx:
        for number in range(20):
            tx.enqueue("greet", {"number": number})
    with context.db.begin() as one, context.db.begin() as other:
        first = outbox.lease_due(one, clock.now(), limit=12)
        second = outbox.lease_due(other, clock.now(), limit=12)
    assert len(first) == 12
    assert len(second) == 8
    assert not {row.id for row in first} & {row.id for row in second}


def test_back_off_doubles_to_an_hour_with_jitter() -> None:
    for failures in range(30):
        ceiling = min(3600.0, 2.0**failures)
        assert ceiling / 2 <= wait_seconds(failures) <= ceiling


def test_two_jobs_of_one_name_are_refused(jobs: Jobs[Context]) -> None:
    jobs.job("send")(failing(KeyError()))
    with pytest.raises(ValueError, match="two jobs named send"):
        jobs.job("send")(failing(KeyError()))


def several(context: Context, number: int) -> list[Leased]:
    with context.transaction() as tx:
        for n in range(number):
            tx.enqueue("greet", {"n": n})
    with context.db.begin() as connection:
        return outbox.lease_due(connection, context.clock.now(), limit=10)


def run_all(context: Context, jobs: Jobs[Context], some: list[Leased]) -> int:
    return run_all_leased(context, jobs, "greet", [(row.id, row.lease) for row in some], runner="w1")


def test_jobs_that_wait_are_run_together_and_leave_nothing(context: Context, jobs: Jobs[Context]) -> None:
    seen: list[list[int]] = []
    jobs.job("greet", together=lambda _context, some: seen.append([job.payload["n"] for job in some]))(failing(AssertionError()))
    some = several(context, 3)
    assert run_all(context, jobs, some) == 3
    assert seen == [[0, 1, 2]]
    assert rows(context) == []
    assert run_all(context, jobs, some) == 0


def test_one_that_another_took_is_passed_over(context: Context, jobs: Jobs[Context]) -> None:
    seen: list[list[int]] = []
    jobs.job("greet", together=lambda _context, some: seen.append([job.payload["n"] for job in some]))(failing(AssertionError()))
    some = several(context, 3)
    with context.db.begin() as connection:
        outbox.start(connection, some[1].id, some[1].lease, "w2", context.clock.now() + timedelta(seconds=60))
    assert run_all(context, jobs, some) == 2
    assert seen == [[0, 2]]
    assert [row["runner"] for row in rows(context)] == ["w2"]


def test_what_fails_together_is_run_one_by_one(context: Context, jobs: Jobs[Context]) -> None:
    seen: list[int] = []

    def one(_context: Context, job: Job) -> None:
        if job.payload["n"] == 1:
            raise RetryLater(60)
        seen.append(job.payload["n"])

    def together(_context: Context, _some: object) -> None:
        raise ValueError

    jobs.job("greet", together=together)(one)
    assert run_all(context, jobs, several(context, 3)) == 3
    assert seen == [0, 2]
    (left,) = rows(context)
    assert (left["payload"], left["failures"], left["state"]) == ({"n": 1}, 1, "waiting")


def test_an_engine_that_is_away_postpones_them_all_and_counts_for_none(context: Context, jobs: Jobs[Context]) -> None:
    def together(_context: Context, _some: object) -> None:
        raise OperationalError("select", {}, Exception("gone"))

    jobs.job("greet", together=together)(failing(AssertionError()))
    assert run_all(context, jobs, several(context, 2)) == 2
    assert [(row["failures"], row["runner"], row["published"]) for row in rows(context)] == [(0, None, False)] * 2


def test_jobs_that_cannot_be_done_together_are_done_in_turn(context: Context, jobs: Jobs[Context]) -> None:
    seen: list[int] = []
    jobs.job("greet")(lambda _context, job: seen.append(job.payload["n"]))
    assert run_all(context, jobs, several(context, 3)) == 3
    assert seen == [0, 1, 2]
    assert rows(context) == []


def test_jobs_abreast_are_run_at_the_same_time_and_each_ends_by_itself(context: Context, jobs: Jobs[Context]) -> None:
    all_are_here = threading.Barrier(3, timeout=10)
    seen: list[tuple[int, str]] = []

    def meet(_context: Context, job: Job) -> None:
        all_are_here.wait()
        if job.payload["n"] == 1:
            raise Passing
        seen.append((job.payload["n"], trace.journey_id()))

    jobs.job("greet", retry_on=(Passing,), abreast=3)(meet)
    some = several(context, 3)
    assert run_all(context, jobs, some) == 3
    assert sorted(seen) == [(n, f"toy-{some[n].id:08d}") for n in (0, 2)]
    (left,) = rows(context)
    assert (left["payload"], left["failures"], left["state"]) == ({"n": 1}, 1, "waiting")


def test_a_database_that_goes_away_abreast_is_told_to_the_worker(
    context: Context, jobs: Jobs[Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.job("greet", abreast=2)(lambda _context, _job: None)
    some = several(context, 2)

    def start(*_arguments: object) -> None:
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr(outbox, "start", start)
    with pytest.raises(OperationalError):
        run_all(context, jobs, some)
