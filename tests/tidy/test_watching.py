"""What watches the suite: each alert has its page, and asks for metrics and events that exist."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
WATCH = ROOT / "deploy/install/files/watch"
RUNBOOKS = ROOT / "docs/operations/runbooks"
COUNTED_BY_SERVICE = (
    "andamio_outbox_waiting",
    "andamio_outbox_due",
    "andamio_outbox_dead",
    "andamio_outbox_oldest_seconds",
    "andamio_audit_pending",
    "andamio_audit_oldest_seconds",
)
ASKED_IN_A_SCRAPE = {name: {"service"} for name in COUNTED_BY_SERVICE} | {"andamio_periodic_ended_seconds": {"service", "name"}}
"""Metrics that are counted when somebody asks, with their labels."""


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((WATCH / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    panels = [panel for path in sorted((WATCH / "dashboards").glob("*.json")) for panel in json.loads(path.read_text())["panels"]]
    return [rule["expr"] for rule in alerts()] + [target["expr"] for panel in panels for target in panel["targets"]]


def actions() -> set[str]:
    """Every action that may stand in an audit row of any service."""
    found = {"access"}  # an entry of the wallet's access log
    for service in SERVICES:
        module = import_module(f"{service}.events")
        for kind in vars(module).values():
            if isinstance(kind, type) and hasattr(kind, "__members__"):
                found |= {str(member) for member in kind}
    return found


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    named = {rule["alert"] for rule in alerts() if "alert" in rule}
    assert named == {path.stem for path in RUNBOOKS.glob("*.md")}


def bare(name: str) -> str:
    """A metric's name without what its kind adds."""
    return re.sub(r"_(count|bucket|sum|total)$", "", name)


def test_whoever_is_told_is_named_and_what_is_kept_quiet_is_an_alert() -> None:
    told = yaml.safe_load((WATCH / "alertmanager.yml.template").read_text())
    routes = [told["route"], *told["route"]["routes"]]
    assert {route["receiver"] for route in routes} == {receiver["name"] for receiver in told["receivers"]}
    alerting = {rule["alert"]: rule["labels"]["severity"] for rule in alerts() if "alert" in rule}
    matchers = [text for rule in told["inhibit_rules"] for text in (*rule["source_matchers"], *rule["target_matchers"])]
    quiet = {name for text in matchers if text.startswith("alertname") for name in text.partition('"')[2].rstrip('"').split("|")}
    assert quiet <= alerting.keys()
    assert [text for route in told["route"]["routes"] for text in route["matchers"]] == ['severity="page"']
    assert set(alerting.values()) == {"page", "ticket"}


def test_each_metric_that_is_asked_for_exists() -> None:
    import_module("shared.metrics")
    known = {metric.name for metric in REGISTRY.collect()} | ASKED_IN_A_SCRAPE.keys()
    asked = {name for text in expressions() for name in re.findall(r"\bandamio_[a-z_]+", text)}
    assert {bare(name) for name in asked} - known == set()


def labels_of() -> dict[str, set[str]]:
    """The labels of each metric."""
    metrics = import_module("shared.metrics")
    kinds = (metrics.REQUESTS, metrics.JOBS, metrics.EVENTS, metrics.FORGOTTEN, metrics.AUDIT_FAULTS)
    counted = {metric._name: set(metric._labelnames) for metric in kinds}
    return counted | ASKED_IN_A_SCRAPE


def test_no_metric_has_a_label_that_prometheus_sets_itself() -> None:
    """Ours would come back under another name (`exported_job`), and a panel would group by the scrape's."""
    assert {name: labels & {"job", "instance", "component"} for name, labels in labels_of().items()} == {
        name: set() for name in labels_of()
    }


def without_labels(expression: str) -> set[str]:
    """What an expression asks of a metric that has no such label."""
    known, wrong = labels_of(), set()
    named = {name: known[bare(name)] for name in re.findall(r"\bandamio_[a-z_]+", expression)}
    for name, inside in re.findall(r"\b(andamio_[a-z_]+)\{([^}]*)\}", expression):
        wrong |= {f"{name}{{{label}}}" for label in re.findall(r"(\w+)\s*=", inside)} - {f"{name}{{{label}}}" for label in named[name]}
    every = set().union(*named.values(), {"le", "service"})
    return wrong | {label for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(", ") if label not in every}


def test_each_label_that_is_asked_for_exists() -> None:
    assert {text: wrong for text in expressions() if (wrong := without_labels(text))} == {}


@pytest.mark.parametrize(
    "expression",
    ['andamio_jobs_total{queue="x"}', "sum by (name, queue) (andamio_jobs_total)", 'rate(andamio_request_seconds_count{code=~"5.."}[5m])'],
)
def test_a_label_that_no_metric_has_is_found(expression: str) -> None:
    assert without_labels(expression)


def test_each_event_that_is_asked_for_can_happen() -> None:
    patterns = {pattern for text in expressions() for pattern in re.findall(r'action=~?"([^"]+)"', text)}
    assert patterns
    assert {pattern for pattern in patterns if not any(re.fullmatch(pattern, action) for action in actions())} == set()
