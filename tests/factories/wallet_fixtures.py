"""Fixtures of the wallet: an installation on real engines, with a register in memory."""

from collections.abc import Callable, Iterator

import pytest

from shared.clock import FixedClock
from shared.ids import SeededIds
from tests.factories.wallet import World, settings
from wallet.app import create_app
from wallet.context import Wallet


@pytest.fixture
def world(database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[World]:
    made = make_world(database("wallet"), redis_url, clock, ids)
    yield made
    made.wallet.close()


def make_world(database_url: str, redis_url: str, clock: FixedClock, ids: SeededIds) -> World:
    wallet = Wallet(settings=settings(database_url, redis_url), clock=clock, ids=ids)
    world = World(wallet, create_app(context=wallet), clock)
    world.fill()
    return world
