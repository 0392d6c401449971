"""A furnished identity for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clock import FixedClock
from shared.ids import SeededIds
from tests.engines import Engines
from tests.factories.identity import House, furnished_copy, open_house


@pytest.fixture
def house(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    """An identity on a database of its own."""
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as furnished:
        yield furnished
