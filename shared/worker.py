"""Celery: one app a service, one task that runs leased outbox rows.

The queue carries ids and is never the truth: a message that is lost is published again by the relay when its lease runs
out, so messages are acknowledged early and no visibility time-out is waited for.
"""

import time
from contextlib import suppress
from typing import Any

import structlog
from celery import Celery
from sqlalchemy.exc import InterfaceError, OperationalError

from shared import outbox
from shared.broker import celery_settings
from shared.context import Context
from shared.metrics import JOBS
from shared.tasks import Jobs, run_all_leased

log = structlog.get_logger("andamio.worker")
RUN_TASK = "andamio.run"
AWAY_SECONDS = 1.0
AWAY_TRIES_MAX = outbox.LEASE_SECONDS


def queue_name(service: str, queue: str) -> str:
    """Return the queue of a service, or one of its named queues."""
    return f"andamio.{service}.{queue}" if queue else f"andamio.{service}"


def make_celery(context: Context, jobs: Jobs[Any], *, runner: str) -> Celery:  # Any: the jobs of whichever service this is
    """Return the Celery app of a service, with the one task that runs its jobs; `runner` names this worker on the rows it takes."""
    service = context.service
    app = Celery(f"andamio-{service}", set_as_current=False)
    app.conf.update(
        celery_settings(context.settings.queue_url.reveal()),
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_default_queue=queue_name(service, ""),
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
    )

    @app.task(name=RUN_TASK, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def run(job: str, rows: list[list[int]]) -> None:
        try:
            ran = run_all_leased(context, jobs, job, [(row_id, lease) for row_id, lease in rows], runner=runner)
        except (OperationalError, InterfaceError) as error:
            log.warning("engine away", what="worker", error=type(error).__name__)
            wait_for_database(context, runner)
            return  # these rows are due again
        JOBS.labels(service, job, "ran").inc(ran)
        JOBS.labels(service, job, "passed over").inc(len(rows) - ran)

    return app


def wait_for_database(context: Context, runner: str) -> None:
    """Stand still until the database is back, then have this worker's rows published again.

    Going on would use up every message of the queue in a moment, and their rows would stand until their leases end.  So
    they do where the database is away for longer than that.
    """
    for _ in range(AWAY_TRIES_MAX):
        time.sleep(AWAY_SECONDS)
        with suppress(OperationalError, InterfaceError):
            release_predecessor(context, runner)
            return


def release_predecessor(context: Context, runner: str) -> None:
    """Make due again what an earlier worker of this supervised name was running when it died, and what it had still before it.

    Nobody knows which of the rows that were published and not begun were in its hands, so all of them are published once more:
    the others' messages are passed over where the new ones were faster.
    """
    with context.db.begin() as connection:
        now = context.clock.now()
        count = outbox.release_runner(connection, runner, now) + outbox.release_unstarted(connection, now)
    if count:
        log.warning("took over what was not finished", rows=count)
