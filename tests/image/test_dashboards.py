"""What dashboards and alerts ask is asked of a real Prometheus that watches the running suite."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.install import dashboards
from deploy.rigs.prometheus import Prometheus, watching
from deploy.services import SERVICES
from deploy.system import wait_until
from tests.sandboxes import RunningSandbox, sandbox

__all__ = ["sandbox"]
pytestmark = [pytest.mark.image]
WATCH = Path(__file__).resolve().parents[2] / "deploy/install/files/watch"
OF_WORKERS = {"Jobs a second, by outcome"}
"""Panels that a sandbox's webs alone say nothing for."""


@pytest.fixture(scope="module")
def prometheus(sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has looked at the four webs twice, between which each was asked something."""
    origins = {service: str(sandbox.facts[service]["base_url"]) for service in SERVICES}
    targets = {service: origin.partition("://")[2] for service, origin in origins.items()}
    with watching(tmp_path_factory.mktemp("prometheus"), {"andamio": targets}) as made:
        assert wait_until(lambda: len(made.ask('up{job="andamio"} == 1')) == len(SERVICES), 30)
        for origin in origins.values():
            assert httpx.get(f"{origin}/readyz").status_code == 200
        assert wait_until(lambda: len(made.ask("sum by (service) (rate(andamio_request_seconds_count[5m])) > 0")) == len(SERVICES), 30)
        yield made


def panels(service: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads((WATCH / "dashboards" / f"{service}.json").read_text())["panels"]
    return read


@pytest.mark.parametrize("service", SERVICES)
def test_every_panel_is_understood_and_the_golden_signals_have_figures(prometheus: Prometheus, service: str) -> None:
    golden = {panel.title for panel in dashboards._GOLDEN} - OF_WORKERS
    now = time.time()
    for panel in panels(service):
        for target in panel["targets"]:
            found = prometheus.ask_range(target["expr"], now - 60, now, 1)
            assert found or panel["title"] not in golden, (panel["title"], target["expr"])


def test_every_rule_is_understood_and_the_objectives_are_recorded(prometheus: Prometheus) -> None:
    groups = yaml.safe_load((WATCH / "rules.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        prometheus.ask(rule["expr"])

    def recorded() -> bool:
        return {line.labels["service"] for line in prometheus.ask("andamio:latency:p95")} == set(SERVICES)

    assert wait_until(recorded, 60)  # rules are evaluated once a second, after what they ask for was seen
