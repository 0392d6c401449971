"""Fixtures of pay: an installation on real engines, with the sandbox gateway on a line that can be cut."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pay.app import create_app
from pay.context import Pay
from pay.models.sandbox_booking import DatabaseBookings
from pay.providers.sandbox import SandboxGateway
from pay.tasks import jobs
from shared.clock import FixedClock
from shared.ids import SeededIds
from tests import engines as test_engines
from tests.engines import Engines
from tests.factories.pay import FaultyGateway, World, settings


@pytest.fixture
def world(database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[World]:
    made = make_world(database("pay"), redis_url, clock, ids)
    yield made
    made.pay.close()


@pytest.fixture(scope="module")
def standing_world(engines: Engines, run_folder: Path) -> Iterator[World]:
    """One installation for all tests of a module that read, or work on accounts of their own."""
    template = test_engines.ensure_template(engines, run_folder, "pay")
    with test_engines.copied(engines, template, f"{template}_{uuid.uuid4().hex[:12]}") as url:
        made = make_world(url, engines.redis(15), FixedClock(datetime(2026, 6, 8, 16, 0, tzinfo=UTC)), SeededIds(7))
        yield made
        made.pay.close()


def make_world(database_url: str, redis_url: str, clock: FixedClock, ids: SeededIds) -> World:
    pay = Pay(settings=settings(database_url, redis_url), clock=clock, ids=ids)
    gateway = FaultyGateway(SandboxGateway(DatabaseBookings(pay.db)))
    pay.gateway_makers = {"sandbox": lambda _pay: gateway}
    return World(pay, create_app(context=pay), gateway, jobs)
