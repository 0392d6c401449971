"""A clock that jumps: every process of a sandbox takes the time from `SystemClock`, and here a file says how far that is off.

Only that clock is moved: nothing sets a process's own without setting the machine's, and other programs (PostgreSQL, the queue) keep
the true time, as they do when one machine's clock goes wrong.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.clock import SystemClock

FILE_VARIABLE = "ANDAMIO_RIG_CLOCK"
LOOK_SECONDS = 0.2


def environment(folder: Path) -> dict[str, str]:
    """What makes each Python process that starts with it follow the file in this folder."""
    hook = folder / "clock"
    hook.mkdir(parents=True, exist_ok=True)
    (hook / "sitecustomize.py").write_text("from deploy.rigs import clock\n\nclock.follow()\n")
    set_off(folder, 0)
    return {"PYTHONPATH": str(hook.absolute()), FILE_VARIABLE: str((hook / "seconds").absolute())}


def set_off(folder: Path, seconds: int) -> None:
    """Let the clock be so many seconds ahead from now on."""
    unfinished = folder / "clock" / "seconds.new"
    unfinished.write_text(str(seconds))
    unfinished.replace(folder / "clock" / "seconds")


def follow() -> None:
    """Let this process's clock follow the file that the environment names."""
    file, looked, ahead = Path(os.environ[FILE_VARIABLE]), 0.0, 0

    def now(_clock: SystemClock) -> datetime:
        nonlocal looked, ahead
        if time.monotonic() - looked > LOOK_SECONDS:
            looked, ahead = time.monotonic(), int(file.read_text())
        return datetime.now(UTC) + timedelta(seconds=ahead)

    SystemClock.now = now  # type: ignore[assignment, method-assign]  # that is what this is for
