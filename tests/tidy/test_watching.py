"""What watches the suite: each alert has its page, and asks for metrics and events that exist."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import REGISTRY

from deploy.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
WATCH = ROOT / "deploy/install/files/watch"
RUNBOOKS = ROOT / "docs/operations/runbooks"


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


def test_each_metric_that_is_asked_for_exists() -> None:
    import_module("shared.metrics")
    asked_in_a_scrape = {"andamio_outbox_waiting", "andamio_outbox_dead", "andamio_outbox_oldest_seconds", "andamio_audit_pending"}
    known = {metric.name for metric in REGISTRY.collect()} | asked_in_a_scrape
    asked = {name for text in expressions() for name in re.findall(r"\bandamio_[a-z_]+", text)}
    assert {re.sub(r"_(count|bucket|sum|total)$", "", name) for name in asked} - known == set()


def test_each_event_that_is_asked_for_can_happen() -> None:
    patterns = {pattern for text in expressions() for pattern in re.findall(r'action=~?"([^"]+)"', text)}
    assert patterns
    assert {pattern for pattern in patterns if not any(re.fullmatch(pattern, action) for action in actions())} == set()
