import subprocess
import sys
from pathlib import Path

import pytest

from deploy.sandbox.environment import environment
from deploy.sandbox.plan import Engines, Plan
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.serving import settings_class

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
