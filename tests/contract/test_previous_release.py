"""The release before this one works on databases that this one has migrated: that is what lets both run side by side.

The long form, under load, with processes of both: `python -m deploy.rigs.upgrade` (docs/operations/upgrades.md).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.errors import CannotStart
from deploy.operations import prove_books, verify_logs
from deploy.rigs import previous
from deploy.sandbox import engines as sandbox_engines
from deploy.sandbox import plan as plans
from deploy.sandbox.plan import Engines as Places
from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from shared import migrations
from tests.engines import Engines

PORT = 20_980
REDIS_FROM = 200
"""Numbers of Redis databases that no other test uses."""
WALK = Path(__file__).with_name("old_release.py")


@pytest.fixture
def migrated(engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plan]:
    """Databases of all four services in their newest form, with nothing in them."""
    for number, service in enumerate(SERVICES):
        monkeypatch.setenv(f"SANDBOX_{service}_REDIS_URL".upper(), engines.redis(REDIS_FROM + number))
    plans.keep_engines(tmp_path, Places(engines.database_url, engines.redis_url, own=False))
    plan = plans.load_or_make(tmp_path, Ports(PORT))
    sandbox_engines.make_databases(plan, engines.database_url)
    for service in SERVICES:
        migrations.upgrade(service, plan.database_url(service))
    yield plan
    sandbox_engines.drop_databases(plan, engines.database_url)


def _revision() -> str:
    """Return the release before; a clone without its history knows only this one, which stands in for it."""
    try:
        return previous.find()
    except CannotStart:
        return "HEAD"


@pytest.mark.timeout(300)
@pytest.mark.rule("requirements", "QA-7")
def test_the_old_code_works_on_the_new_databases_and_the_new_code_on_what_it_left(
    migrated: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = previous.export(_revision(), tmp_path / "old")
    done = subprocess.run(
        # -P: folders beside the script have the names of the services.
        [sys.executable, "-P", str(WALK), str(tmp_path), str(PORT)],
        cwd=code,
        env={**os.environ, "PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["code"] == [str(code)], "the old code was to run, not ours"
    assert told["statuses"] == {
        "identity": [200] * 9,
        "notify": [200] * 3 + [201] * 3,
        "pay": [200] * 3 + [201] * 3,
        "wallet": [200] * 3,
    }
    assert told["dead"] == dict.fromkeys(SERVICES, 0)
    for service in SERVICES:
        for name, value in migrated.environment(service).items():
            monkeypatch.setenv(name, value)
    assert {service: report.ok for service, report in verify_logs(SERVICES).items()} == dict.fromkeys(SERVICES, True)
    assert prove_books().holds
