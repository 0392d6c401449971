"""One sandbox for all fault tests of a run, and none of theirs at the same time as another: they break it."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import sandboxes
from tests.engines import locked
from tests.fault.suite import Suite, suite_at

Note = Callable[[str, float], None]
MEASURED = "measured: "


@pytest.fixture(scope="session")
def fault_folder(run_folder: Path) -> Path:
    folder = run_folder / "fault"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def suite(fault_folder: Path) -> Iterator[Suite]:
    """The whole suite, well and alone with this test; afterwards it must be well again and all four audit logs whole."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(fault_folder / "turn.lock"))
        with pytest.MonkeyPatch.context() as environment:
            for engine in ("ANDAMIO_DATABASE_URL", "ANDAMIO_REDIS_URL"):  # engines that others use are not killed
                environment.delenv(engine, raising=False)
            suite = suite_at(sandboxes.obtain_own(fault_folder))
        stack.callback(suite.close)
        suite.wait_well()
        suite.wait_idle()
        yield suite
        assert (suite.folder / "sandbox.json").exists(), f"the sandbox ended:\n{(fault_folder / 'sandbox.log').read_text()[-2000:]}"
        suite.wait_well()
        status, logs = suite.verify()
        assert (status, {name: log["ok"] for name, log in logs.items()}) == (0, dict.fromkeys(logs, True)), logs
        assert len(logs) == 4


@pytest.fixture
def since() -> str:
    """This moment, as the inbox takes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    """Note how long something took: said at the end of the run, and in docs/reliability.md."""
    return lambda what, seconds: record_property(MEASURED + what, f"{seconds:.1f} s")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was measured."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        if report.when == "call":
            for name, value in report.user_properties:
                if name.startswith(MEASURED):
                    terminalreporter.write_line(f"{name.removeprefix(MEASURED)}: {value}")
