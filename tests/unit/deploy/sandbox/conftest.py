from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from shared.clock import FixedClock


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A sandbox that is planned and not running."""
    return Plan(tmp_path, Ports(8000), bytes(range(32)))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 21, 17, 5, tzinfo=UTC))
