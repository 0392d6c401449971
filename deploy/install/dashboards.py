"""Grafana dashboards as code: one a service, the same four golden signals on each, then what it is there for.

`make docs` writes them to deploy/install/files/watch/dashboards/.
"""

import json
from collections.abc import Mapping

from deploy.services import SERVICES

WIDTH, HEIGHT = 8, 7
SOURCE = {"type": "prometheus", "uid": "prometheus"}

_COUNTED = 'sum by (action, outcome) (rate(andamio_events_total{{action=~"{actions}"}}[5m]))'
_GOLDEN = (
    ("Requests a second, by status", 'sum by (status) (rate(andamio_request_seconds_count{{service="{service}"}}[5m]))', "reqps"),
    (
        "Time to answer: half, 95 and 99 of 100",
        'histogram_quantile({quantile}, sum by (le) (rate(andamio_request_seconds_bucket{{service="{service}"}}[5m])))',
        "s",
    ),
    (
        "Answers that were our fault",
        (
            'sum(rate(andamio_request_seconds_count{{service="{service}",status=~"5.."}}[5m]))'
            ' / sum(rate(andamio_request_seconds_count{{service="{service}"}}[5m]))'
        ),
        "percentunit",
    ),
    (
        "Jobs that wait, and dead ones",
        'max by (__name__) ({{__name__=~"andamio_outbox_waiting|andamio_outbox_dead",service="{service}"}})',
        "short",
    ),
    ("How long the oldest job has been due", 'max(andamio_outbox_oldest_seconds{{service="{service}"}})', "s"),
    ("Jobs a second, by outcome", 'sum by (job, outcome) (rate(andamio_jobs_total{{service="{service}"}}[5m]))', "ops"),
    ("Audit rows that wait for their number", 'max(andamio_audit_pending{{service="{service}"}})', "short"),
)
QUANTILES = (0.5, 0.95, 0.99)

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


def dashboard(service: str) -> str:
    """Return the dashboard of one service as JSON."""
    panels = [_panel(title, _golden(expression, service), unit) for title, expression, unit in _GOLDEN]
    panels += [_panel(title, [_COUNTED.format(actions=actions)], "ops") for title, actions in OF_THE_SERVICE[service]]
    for number, panel in enumerate(panels):
        place = {"x": number % 3 * WIDTH, "y": number // 3 * HEIGHT, "w": WIDTH, "h": HEIGHT}
        panel.update({"id": number + 1, "gridPos": place})
    made = {
        "uid": f"andamio-{service}",
        "title": f"Andamio: {service}",
        "tags": ["andamio"],
        "timezone": "browser",
        "schemaVersion": 41,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "panels": panels,
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _golden(expression: str, service: str) -> list[str]:
    if "{quantile}" in expression:
        return [expression.format(service=service, quantile=quantile) for quantile in QUANTILES]
    return [expression.format(service=service)]


def _panel(title: str, expressions: list[str], unit: str) -> dict[str, object]:
    targets = [{"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": expression} for place, expression in enumerate(expressions)]
    return {
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull"]}},
    }


FOLDER = "deploy/install/files/watch/dashboards"
PAGES = {f"{FOLDER}/{service}.json": service for service in SERVICES}
