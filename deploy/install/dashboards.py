"""Grafana dashboards as code: one a service, the same four golden signals on each, what it is there for, and what it let go of.

`make docs` writes them to deploy/install/files/watch/dashboards/.  How they look: docs/operations/dashboards.md.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.services import SERVICES

WIDTH, HEIGHT = 8, 7
SOURCE = {"type": "prometheus", "uid": "prometheus"}


@dataclass(frozen=True)
class Panel:
    """One panel: its lines are (expression, name of the line); `SERVICE` stands for the service's name."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]


_TIMES = 'histogram_quantile({}, sum by (le) (rate(andamio_request_seconds_bucket{{service="SERVICE"}}[5m])))'
_FAULTS = (
    '(sum(rate(andamio_request_seconds_count{service="SERVICE",status=~"5.."}[5m])) or vector(0))'
    ' / sum(rate(andamio_request_seconds_count{service="SERVICE"}[5m]))'
)
_GOLDEN = (
    Panel(
        "Requests a second, by status",
        "reqps",
        (('sum by (status) (rate(andamio_request_seconds_count{service="SERVICE"}[5m]))', "{{status}}"),),
    ),
    Panel(
        "Time to answer: half, 95 and 99 of 100",
        "s",
        ((_TIMES.format(0.5), "half"), (_TIMES.format(0.95), "95 of 100"), (_TIMES.format(0.99), "99 of 100")),
    ),
    Panel(
        "Answers that were our fault",
        "percentunit",
        ((_FAULTS, "5xx"),),
    ),
    Panel(
        "Jobs that wait, and dead ones",
        "short",
        (
            ('max(andamio_outbox_due{service="SERVICE"})', "wait for a worker"),
            ('max(andamio_outbox_waiting{service="SERVICE"})', "wait, also for their time"),
            ('max(andamio_outbox_dead{service="SERVICE"})', "dead"),
        ),
    ),
    Panel("How long the oldest job has been due", "s", (('max(andamio_outbox_oldest_seconds{service="SERVICE"})', "oldest"),)),
    Panel(
        "Jobs a second, by outcome",
        "ops",
        (('sum by (name, outcome) (rate(andamio_jobs_total{service="SERVICE"}[5m]))', "{{name}} {{outcome}}"),),
    ),
    Panel("Audit rows that wait for their number", "short", (('max(andamio_audit_pending{service="SERVICE"})', "rows"),)),
)

OF_THE_SERVICE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "identity": (
        ("Sign-ins, by result", "identity:login:.*"),
        ("Tokens and codes", "identity:(token|code):.*"),
        ("Logout notices", "identity:logout-notice:.*"),
    ),
    "notify": (
        ("Messages accepted, handed over and finished", "notify:notification:.*"),
        ("Mailbox", "notify:mailbox_message:.*"),
    ),
    "pay": (
        ("Payments, by what became of them", "pay:payment:.*"),
        ("Refunds", "pay:refund:.*"),
        ("Webhooks given up", "pay:webhook:.*"),
    ),
    "wallet": (
        ("Consents and requests", "wallet:(request|consent):.*"),
        ("Exchanges, by answer", "access"),
    ),
}
_KEEPING = (
    Panel(
        "Rows deleted or emptied in a day: their time was over, or the person was erased",
        "short",
        (('sum by (table) (increase(andamio_forgotten_rows_total{service="SERVICE"}[1d]))', "{{table}}"),),
    ),
    Panel(
        "How long ago each periodic job came to its end",
        "s",
        (('max by (name) (andamio_periodic_ended_seconds{service="SERVICE"})', "{{name}}"),),
    ),
)


def panels_of(service: str) -> tuple[Panel, ...]:
    """Return the panels of one service."""
    counted = 'sum by (action, outcome) (rate(andamio_events_total{{action=~"{}"}}[5m]))'
    own = tuple(Panel(title, "ops", ((counted.format(which), "{{action}} {{outcome}}"),)) for title, which in OF_THE_SERVICE[service])
    return (*_GOLDEN, *own, *_KEEPING)


def dashboard(service: str) -> str:
    """Return the dashboard of one service as JSON."""
    made = {
        "uid": f"andamio-{service}",
        "title": f"Andamio: {service}",
        "tags": ["andamio"],
        "timezone": "browser",
        "schemaVersion": 41,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "panels": [_drawn(panel, service, number) for number, panel in enumerate(panels_of(service))],
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _drawn(panel: Panel, service: str, number: int) -> dict[str, object]:
    targets = [
        {
            "refId": chr(ord("A") + place),
            "datasource": SOURCE,
            "expr": expression.replace("SERVICE", service),
            "legendFormat": legend,
        }
        for place, (expression, legend) in enumerate(panel.lines)
    ]
    return {
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull"]}},
        "id": number + 1,
        "gridPos": {"x": number % 3 * WIDTH, "y": number // 3 * HEIGHT, "w": WIDTH, "h": HEIGHT},
    }


FOLDER = "deploy/install/files/watch/dashboards"
PAGES = {f"{FOLDER}/{service}.json": service for service in SERVICES}
