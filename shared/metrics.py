"""Prometheus metrics: requests by route, jobs, and what waits.

With several web processes, `PROMETHEUS_MULTIPROC_DIR` makes one scrape see them all.
"""

import os
import time
from collections.abc import Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from shared import outbox, periodic
from shared.audit.tables import audit_pending
from shared.clock import Clock
from shared.db import Database

REQUESTS = Histogram(
    "andamio_request_seconds",
    "Time to answer, by route",
    ["service", "method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
JOBS = Counter("andamio_jobs_total", "Jobs run, by outcome", ["service", "name", "outcome"])
EVENTS = Counter("andamio_events_total", "What happened, as the audit log has it", ["service", "action", "outcome"])
"""The metrics of the domain: logins by result, payments by state, messages accepted and delivered, exchanges by answer."""

FORGOTTEN = Counter(
    "andamio_forgotten_rows_total",
    "Rows deleted, or emptied of what names people: their time was over, or the person was erased",
    ["service", "table"],
)
AUDIT_FAULTS = Gauge(
    "andamio_audit_faults", "Faults that the last look at the audit log found", ["service"], multiprocess_mode="mostrecent"
)


class _Waiting(Collector):
    """What stands in the database, counted when somebody asks."""

    def __init__(self, service: str, database: Database, clock: Clock) -> None:
        self._service = service
        self._database = database
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        now = self._clock.now()
        with self._database.reading() as connection:
            depth = outbox.depth(connection, now)
            pending, first = connection.execute(select(func.count(), func.min(audit_pending.c.occurred_at))).one()
            ended = periodic.since_ends(connection, now)
        waited = max(0.0, (now - first).total_seconds()) if first else 0.0
        for name, help_text, value in (
            ("andamio_outbox_waiting", "Outbox rows that wait, also for a time that is yet to come", depth.waiting),
            ("andamio_outbox_due", "Outbox rows that wait for a worker now", depth.due),
            ("andamio_outbox_dead", "Outbox rows that were given up", depth.dead),
            ("andamio_outbox_oldest_seconds", "How long the most overdue outbox row has been due", depth.oldest_seconds),
            ("andamio_audit_pending", "Audit rows that wait for their number", pending),
            ("andamio_audit_oldest_seconds", "How long the oldest of them has waited", waited),
        ):
            gauge = GaugeMetricFamily(name, help_text, labels=["service"])
            gauge.add_metric([self._service], value)
            yield gauge
        since = GaugeMetricFamily(
            "andamio_periodic_ended_seconds", "How long ago each periodic job last came to its end", labels=["service", "name"]
        )
        for job, seconds in ended.items():
            since.add_metric([self._service, job], seconds)
        yield since


def exposition(service: str, database: Database, clock: Clock) -> tuple[bytes, str]:
    """Return the metrics of this service and their content type."""
    registry = CollectorRegistry()
    registry.register(_Waiting(service, database, clock))
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # prometheus_client's own variable, not a setting of ours
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's function has no types
        return generate_latest(registry), CONTENT_TYPE_LATEST
    return generate_latest(REGISTRY) + generate_latest(registry), CONTENT_TYPE_LATEST


def count_from_zero(service: str, actions: Iterable[str]) -> None:
    """Show what did not happen yet as counted: an increase does not see the first of what was not there before."""
    for action in actions:
        EVENTS.labels(service, action, "done")


def observe_request(service: str, method: str, route: str, status: int, started: float) -> None:
    """Count one answered request; `started` is `time.perf_counter()` at its beginning."""
    REQUESTS.labels(service, method, route, str(status)).observe(time.perf_counter() - started)


def serve_alone(port: int, host: str) -> None:
    """Serve the metrics of a process that has no pages: workers and relays."""
    start_http_server(port, addr=host)
