"""What every test may ask for: real engines, a clock, ids.  See tests/engines.py for where the engines come from."""

import contextlib
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import redis
from sqlalchemy import Connection, Engine, event

from tests import engines as test_engines
from tests import once
from tests.engines import Engines

if TYPE_CHECKING:
    from shared.clock import FixedClock
    from shared.ids import SeededIds

# "quick" gives the same examples on each run, so that a failure is the change's own; "long" looks for new ones.
hypothesis.settings.register_profile("quick", max_examples=50, stateful_step_count=30, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("long", max_examples=2000, stateful_step_count=100, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

RUN_FOLDER = "ANDAMIO_TEST_RUN_FOLDER"
RUN_PID = "ANDAMIO_TEST_RUN_PID"
IN_MEMORY, MEMORY_BYTES_MIN = "/dev/shm", 8 * 1024**3
# A Monday at noon in Santiago, outside daylight saving, and no special day.
NOON = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)
_numbers = itertools.count(1)
_WRITING = re.compile(r"\b(insert\s+into|update\s+\S+\s+set|delete\s+from|for\s+(no\s+key\s+)?update)\b", re.IGNORECASE)


@event.listens_for(Engine, "before_cursor_execute")
def _refuse_writes_while_reading(connection: Connection, _cursor: object, statement: str, *_others: object) -> None:
    """`Context.reading` has no transaction: what was written there would be committed by itself, and what was locked is not."""
    if connection.get_execution_options().get("only_reads") and _WRITING.search(statement):
        raise AssertionError(f"written or locked while reading: {statement[:200]}")


def _memory() -> str | None:
    """A folder in memory, where there is one with room enough: thousands of databases come and go, each of hundreds of files."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(IN_MEMORY).free >= MEMORY_BYTES_MIN:
            return IN_MEMORY
    return None


def pytest_configure(config: pytest.Config) -> None:
    """The process that the person started names the run; workers find it in their environment."""
    once.install()
    if not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="andamio-test-", dir=_memory())
        Path(folder).chmod(0o711)  # the engines may run as another user
        os.environ[RUN_FOLDER], os.environ[RUN_PID] = folder, str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Only that process ends the run, after all its workers."""
    if not hasattr(config, "workerinput") and os.environ.get(RUN_PID) == str(os.getpid()):
        test_engines.release(Path(os.environ.pop(RUN_FOLDER)))
        del os.environ[RUN_PID]


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """The folder of this pytest run, shared by its workers."""
    return Path(os.environ[RUN_FOLDER])


@pytest.fixture(scope="session")
def engines(run_folder: Path) -> Engines:
    """PostgreSQL and Valkey, started by the first test that asks."""
    return test_engines.obtain(run_folder)


@pytest.fixture
def database(engines: Engines, run_folder: Path) -> Iterator[Callable[[str], str]]:
    """`database("pay")` makes a migrated database of that service, owned by its role, and gives its URL.  Each call makes another."""
    with contextlib.ExitStack() as stack:

        def make(service: str) -> str:
            template = test_engines.ensure_template(engines, run_folder, service)
            return stack.enter_context(test_engines.copied(engines, template, _unique_name(template)))

        yield make


@pytest.fixture
def empty_database(engines: Engines) -> Iterator[Callable[[str], str]]:
    """`empty_database("pay")` makes a database with nothing in it: for tests of migrations."""
    with contextlib.ExitStack() as stack:
        yield lambda service: stack.enter_context(test_engines.empty(engines, service, _unique_name(f"{engines.prefix}{service}_empty")))


@pytest.fixture
def redis_url(engines: Engines) -> Iterator[str]:
    """A Redis database that holds nothing and that no other test uses meanwhile: each worker has its own number."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    url = engines.redis(1 + int(worker))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def clock() -> "FixedClock":
    """A clock that stands still until the test moves it: Monday 8 June 2026, 16:00 UTC."""
    from shared.clock import FixedClock

    return FixedClock(NOON)


@pytest.fixture
def ids() -> "SeededIds":
    """The same ids, tokens and picks in each run."""
    from shared.ids import SeededIds

    return SeededIds(20260608)


def _unique_name(stem: str) -> str:
    return f"{stem}_{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')}_{next(_numbers)}"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium on this machine, for tests marked `browser`; `make test` installs it where it may."""
    for name in (os.environ.get("ANDAMIO_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise RuntimeError(
        "no Chromium on this machine: install it (on Debian: apt-get install chromium) or leave these tests out with -m 'not browser'"
    )
