"""Faults: what is broken in the middle third of a run, and mended after it.  What was accepted must be accounted for all the same."""

import contextlib
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.rigs import clock
from deploy.rigs.engines import Rig

DELAY_SECONDS = 0.1
DISK_MIB = 500
BALLAST = "ballast"


@dataclass(frozen=True)
class Fault:
    """`begin` breaks and `end` mends; both get the rig and the sandbox's folder.  `disk_mib`: the database's disk is that small;
    `needs_clock`: the suite's clock can be set.
    """

    what: str
    begin: Callable[[Rig, Path], None]
    end: Callable[[Rig, Path], None] = lambda _rig, _sandbox: None
    disk_mib: int = 0
    needs_clock: bool = False


@dataclass
class Broken:
    """When a fault began and ended, in seconds from the beginning of the run."""

    name: str
    began: float = 0.0
    ended: float = 0.0
    errors: list[str] = field(default_factory=list)


def _delay(rig: Rig, _sandbox: Path) -> None:
    rig.database_wire.delay_seconds = rig.queue_wire.delay_seconds = DELAY_SECONDS


def _heal(rig: Rig, _sandbox: Path) -> None:
    rig.database_wire.heal()
    rig.queue_wire.heal()


def _fill_disk(rig: Rig, _sandbox: Path) -> None:
    with contextlib.suppress(OSError), (rig.disk / BALLAST).open("wb") as file:
        while True:
            file.write(bytes(1 << 20))
            file.flush()


def _empty_disk(rig: Rig, _sandbox: Path) -> None:
    (rig.disk / BALLAST).unlink(missing_ok=True)
    rig.primary.again()


def _lose_queue(rig: Rig, _sandbox: Path) -> None:
    rig.queue.kill()
    shutil.rmtree(rig.folder / "valkey" / "appendonlydir", ignore_errors=True)


def _set_clock(seconds: int) -> Callable[[Rig, Path], None]:
    return lambda rig, _sandbox: clock.set_off(rig.folder, seconds)


def programs_in(sandbox: Path) -> dict[str, int]:
    """Return the processes of a sandbox's programs by name."""
    return {file.stem: int(json.loads(file.read_text())["pid"]) for file in sorted((sandbox / "run").glob("*.json"))}


def _send(mark: str, number: signal.Signals) -> Callable[[Rig, Path], None]:
    def send(_rig: Rig, sandbox: Path) -> None:
        for name, pid in programs_in(sandbox).items():
            if mark in name:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, number)

    return send


FAULTS: Mapping[str, Fault] = {
    "database-cut": Fault("no connection to the database", lambda rig, _: rig.database_wire.cut(), _heal),
    "database-hangs": Fault("the database is reached and says nothing", lambda rig, _: rig.database_wire.hang(), _heal),
    "database-paused": Fault(
        "the database's processes stand still",
        lambda rig, _: rig.primary.signal(signal.SIGSTOP),
        lambda rig, _: rig.primary.signal(signal.SIGCONT),
    ),
    "database-killed": Fault("the database dies and starts again", lambda rig, _: rig.primary.kill(), lambda rig, _: rig.primary.again()),
    "fail-over": Fault("the database is lost for good, its replica takes over", lambda rig, _: rig.fail_over()),
    "queue-cut": Fault("no connection to the queue", lambda rig, _: rig.queue_wire.cut(), _heal),
    "queue-lost": Fault("the queue dies with all it held", _lose_queue, lambda rig, _: rig.queue.again()),
    "slow-network": Fault("a tenth of a second more for each piece to and from both engines", _delay, _heal),
    "silent-provider": Fault(
        "providers and registers are reached and say nothing", _send("side", signal.SIGSTOP), _send("side", signal.SIGCONT)
    ),
    "workers-killed": Fault("every worker is killed", _send("-worker", signal.SIGKILL)),
    "clock-jumps": Fault(
        "the clock of every process of ours jumps five minutes ahead, and back", _set_clock(300), _set_clock(0), needs_clock=True
    ),
    "disk-full": Fault("the database's disk is full", _fill_disk, _empty_disk, disk_mib=DISK_MIB),
}


@contextlib.contextmanager
def breaking(name: str, rig: Rig, sandbox: Path, seconds: float) -> Iterator[Broken]:
    """Break in the middle third of the block's `seconds`, in a thread of its own; whatever happens, it is mended at the end."""
    fault, broken, over = FAULTS[name], Broken(name), threading.Event()
    start = time.monotonic()

    def act() -> None:
        over.wait(seconds / 3)
        broken.began = round(time.monotonic() - start, 1)
        _try(broken, lambda: fault.begin(rig, sandbox))
        over.wait(seconds / 3)
        _try(broken, lambda: fault.end(rig, sandbox))
        broken.ended = round(time.monotonic() - start, 1)

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield broken
    finally:
        over.set()
        thread.join()


def _try(broken: Broken, act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - the rig's own failure is told in the report, and the run goes on to its books
        broken.errors.append(f"{type(error).__name__}: {error}")
