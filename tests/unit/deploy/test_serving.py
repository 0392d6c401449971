import os
import re
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
import yaml

from deploy.sandbox.environment import environment
from deploy.sandbox.plan import Engines, Plan
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.serving import failures_of, settings_class
from deploy.system import free_port, wait_until
from tests.unit.deploy.test_operations import addresses, suite

__all__ = ["addresses", "suite"]

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("role", ["serve", "worker", "relay"])
def test_faults_of_the_settings_are_told_together_and_without_a_traceback(role: str, tmp_path: Path) -> None:
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SANDBOX_DIR": str(tmp_path / "none"), "PAY_PUBLIC_URL": "nowhere"}
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", role, "pay"], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for said in ("the settings of pay are not right", "PAY_DATABASE_URL is not set", "PAY_PUBLIC_URL must be an origin"):
        assert said in done.stderr


def test_a_migration_needs_the_address_of_the_database_and_nothing_else(tmp_path: Path) -> None:
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SANDBOX_DIR": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "migrate", "pay"], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "andamio: the settings of pay are not right:",
        "  PAY_DATABASE_URL is not set (nor PAY_DATABASE_URL_FILE)",
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_one_settings_class_that_the_sandbox_fills(service: str) -> None:
    from shared.settings import load

    plan = Plan(ROOT, Ports(8000), bytes(32), Engines("postgresql://nobody@localhost/none", "redis://localhost"))
    settings = load(settings_class(service), service, environment(plan, service))
    assert settings.is_sandbox
    assert settings.public_url == plan.ports.url(service)


def test_a_scrape_tells_of_all_processes_that_serve_at_one_address(suite: object, tmp_path: Path) -> None:
    """Each answers some of the requests, and any of them may be the one that is asked."""
    port, asked = free_port(), 12
    command = [sys.executable, "-m", "deploy.cli", "serve", "pay", "--port", str(port), "--workers", "2"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    kept = HTTPConnection("127.0.0.1", port, timeout=5)
    with (
        closing(kept),
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log) as process,
    ):
        try:
            assert wait_until(lambda: _status(port, "/readyz") == 200, 60), (tmp_path / "log").read_text()
            assert [_status(port, "/healthz") for _ in range(asked)] == [200] * asked
            assert 'andamio_events_total{action="pay:payment:capture-failed",outcome="done",service="pay"} 0.0' in _metrics(port)
            counted = set()
            for _ in range(4):
                counted.add(re.findall(r'_count\{method="GET",route="/healthz",service="pay",status="200"\} (\S+)', _metrics(port))[0])
            assert counted == {f"{asked}.0"}
            kept.request("GET", "/healthz")
            assert kept.getresponse().read()
        finally:
            process.terminate()
            process.wait(20)  # though somebody, as the edge does, keeps a connection open on which nothing is asked
    assert [path.name for path in tmp_path.iterdir()] == ["log"], "what was counted goes with the processes"


def test_what_may_fail_is_shown_as_counted_before_it_does() -> None:
    """Prometheus sees no increase where a count appears with its first: `CapturesFail` would pass over the first of each process."""
    rules = yaml.safe_load((ROOT / "deploy/install/files/watch/rules.yml").read_text())["groups"]
    [asked] = [rule["expr"] for group in rules for rule in group["rules"] if rule.get("alert") == "CapturesFail"]
    [action] = re.findall(r'action="([^"]+)"', asked)
    assert action in failures_of("pay")


def _metrics(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/metrics").text


def _status(port: int, path: str) -> int:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code
    except httpx.HTTPError:
        return 0
