"""Keeps programs alive and leaves none behind.

Each program runs in a process group of its own, writes to logs/<name>.log, is started again when it dies (later each time) and is
told to stop when we stop, or when we are killed outright (Linux tells it; elsewhere the next start finds its pid file and ends it).
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.errors import CannotStart
from deploy.forked import ForkedProcess
from deploy.program import Program, spawn
from deploy.system import be_quiet, boot_id, end_process, process_birth, signal_quietly

LOG_BYTES_MAX = 5 << 20
LOGS_KEPT = 3
BACK_OFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
# A program that lived this long is taken to be well again: its next death is the first.
WELL_SECONDS = 30.0
DEATHS_WHILE_STARTING_MAX = 3
PROBE_PAUSE_SECONDS = 0.05
STOP_SECONDS = 9.0


@dataclass
class Child:
    """A program and the process that runs it now."""

    program: Program
    process: "subprocess.Popen[bytes] | ForkedProcess"
    started_at: float
    deaths: int = 0
    restart_at: float | None = None
    was_ready: bool = False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.restart_at is None and self.process.poll() is None


@dataclass
class Supervisor:
    """Runs programs; `folder` gets logs/ and run/ (pid files).  Start programs from the main thread: their life hangs on it."""

    folder: Path
    say: Callable[[str], None] = be_quiet
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        """Folder of the programs' output."""
        return self.folder / "logs"

    def sweep(self) -> list[str]:
        """End what a run before this one left behind; the names of the programs found alive."""
        survivors = []
        for pid_file in sorted(self._pids.glob("*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError):
                record = json.loads(pid_file.read_text())
                if record["boot"] == boot_id() and _end_survivor(record["pid"], record["birth"], record["stop_signal"]):
                    survivors.append(str(record["name"]))
            pid_file.unlink(missing_ok=True)
        return survivors

    def start(self, program: Program) -> None:
        """Start program and keep it alive from now on.

        Raises: CannotStart when its command cannot be run at all.
        """
        if program.name in self.children:
            raise ValueError(f"{program.name} runs already")
        _rotate(self.logs / f"{program.name}.log")
        self.children[program.name] = Child(program, self._spawn(program), time.monotonic())

    def wait_ready(
        self, timeout_seconds: float, names: Iterable[str] | None = None, interrupted: Callable[[], bool] = lambda: False
    ) -> bool:
        """Tend the programs until all of `names` (default: all) are ready; False when interrupted before.

        Raises: CannotStart when one keeps dying or the time is up.
        """
        deadline = time.monotonic() + timeout_seconds
        waiting = list(self.children if names is None else names)
        while waiting:
            self.tend()
            for name in [name for name in waiting if self._became_ready(self.children[name])]:
                waiting.remove(name)
            hopeless = [name for name in waiting if self.children[name].deaths >= DEATHS_WHILE_STARTING_MAX]
            if hopeless:
                raise CannotStart(f"{hopeless[0]} stopped {DEATHS_WHILE_STARTING_MAX} times while starting{self._last_words(hopeless[0])}")
            if interrupted():
                return False
            if waiting and time.monotonic() > deadline:
                raise CannotStart(
                    f"{', '.join(waiting)} did not become ready in {timeout_seconds:.0f} seconds{self._last_words(waiting[0])}"
                )
            if waiting:
                time.sleep(PROBE_PAUSE_SECONDS)
        return True

    def run_once(self, program: Program, timeout_seconds: float, interrupted: Callable[[], bool] = lambda: False) -> None:
        """Run program to its end while the others are tended.  Raises: CannotStart when it fails or takes too long."""
        process = self._spawn(program)
        deadline = time.monotonic() + timeout_seconds
        try:
            while process.poll() is None:
                if interrupted():
                    return
                if time.monotonic() > deadline:
                    raise CannotStart(f"{program.name} was not done in {timeout_seconds:.0f} seconds{self._last_words(program.name)}")
                self.tend()
                time.sleep(PROBE_PAUSE_SECONDS)
            if process.returncode != 0:
                raise CannotStart(f"{program.name} failed ({_ending(process.returncode)}){self._last_words(program.name)}")
        finally:
            self._stop_children([Child(program, process, 0.0)], time.monotonic() + 1.0)

    def tend(self) -> float | None:
        """Notice deaths and start again what is due.  Seconds until the next restart is due; None when none waits."""
        now = time.monotonic()
        for child in self.children.values():
            if child.restart_at is None and child.process.poll() is not None:
                self._note_death(child, now)
            if child.restart_at is not None and child.restart_at <= now:
                child.program.before_restart()
                child.process, child.started_at, child.restart_at = self._spawn(child.program), now, None
        due = [child.restart_at for child in self.children.values() if child.restart_at is not None]
        return max(0.0, min(due) - now) if due else None

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> None:
        """Stop everything, highest stage first, within the time; what does not obey is killed with its whole group."""
        deadline = time.monotonic() + timeout_seconds
        stages = sorted({child.program.stage for child in self.children.values()}, reverse=True)
        for index, stage in enumerate(stages):
            share = (deadline - time.monotonic()) / (len(stages) - index)
            self._stop_children([child for child in self.children.values() if child.program.stage == stage], time.monotonic() + share)
        self.children.clear()

    @property
    def _pids(self) -> Path:
        return self.folder / "run"

    def _became_ready(self, child: Child) -> bool:
        child.was_ready = child.alive and child.program.ready()
        return child.was_ready

    def _note_death(self, child: Child, now: float) -> None:
        signal_quietly(child.process.pid, signal.SIGKILL, group=True)  # what it forked would hold its port
        if now - child.started_at > WELL_SECONDS:
            child.deaths = 0
        pause = BACK_OFF_SECONDS[min(child.deaths, len(BACK_OFF_SECONDS) - 1)]
        child.deaths += 1
        child.restart_at = now + pause
        self.say(f"{child.program.name} ended ({_ending(child.process.returncode)}); starting it again.")

    def _spawn(self, program: Program) -> "subprocess.Popen[bytes] | ForkedProcess":
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self._pids.mkdir(parents=True, exist_ok=True)
            with (self.logs / f"{program.name}.log").open("ab") as log:
                process = spawn(program, log)
        except OSError as fault:
            raise CannotStart(f"{program.name} cannot be started: {fault.strerror} ({fault.filename}).") from fault
        record = {"name": program.name, "pid": process.pid, "birth": process_birth(process.pid), "boot": boot_id()}
        record["stop_signal"] = int(program.stop_signal)
        (self._pids / f"{program.name}.json").write_text(json.dumps(record))
        return process

    def _stop_children(self, children: list[Child], deadline: float) -> None:
        for child in children:
            if child.alive:
                signal_quietly(child.process.pid, child.program.stop_signal)
        for child in children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{child.program.name} did not stop when asked and was killed.")
                child.process.kill()
                child.process.wait()
            signal_quietly(child.process.pid, signal.SIGKILL, group=True)
            (self._pids / f"{child.program.name}.json").unlink(missing_ok=True)

    def _last_words(self, name: str) -> str:
        log = self.logs / f"{name}.log"
        with contextlib.suppress(OSError):
            lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
            if lines:
                return f"; its last words in {log}: {lines[-1][:300]}"
        return f"; see {log}."


class Signals:
    """Turns SIGINT, SIGTERM, SIGHUP and SIGCHLD into something a loop can wait for.  A context manager; main thread only."""

    def __init__(self) -> None:
        self.stop_asked = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        os.set_blocking(self._reader, False)

    def __enter__(self) -> "Signals":
        self._before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _wake)
        self._wakeup_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        return self

    def __exit__(self, *exc_info: object) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, timeout_seconds: float | None) -> None:
        """Sleep until a signal comes or the time is up."""
        if not self.stop_asked and select.select([self._reader], [], [], timeout_seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._reader, 4096)

    def _stop(self, number: int, frame: object) -> None:
        self.stop_asked = True


def run_until_stopped(supervisor: Supervisor, signals: Signals) -> None:
    """Tend the programs until someone asks us to stop; then stop them."""
    try:
        while not signals.stop_asked:
            signals.wait(supervisor.tend())
    finally:
        supervisor.stop()


def _end_survivor(pid: int, birth: str, stop_signal: int) -> bool:
    """End the process that was born then, and its group; whether it lived.

    A group outlives its leader, and its number is not given to another while it does: one without a leader is still ours.
    """
    found = process_birth(pid)
    if found == birth:
        end_process(pid, stop_signal=stop_signal)
    if found is None or found == birth:
        signal_quietly(pid, signal.SIGKILL, group=True)
    return found == birth


def _wake(number: int, frame: object) -> None:
    """Do nothing: that a signal has a handler is what ends a wait."""


def _rotate(log: Path) -> None:
    """Set a log aside when it has grown large."""
    if not log.exists() or log.stat().st_size <= LOG_BYTES_MAX:
        return
    for number in range(LOGS_KEPT - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            log.with_suffix(f".log.{number}").replace(log.with_suffix(f".log.{number + 1}"))
    log.replace(log.with_suffix(".log.1"))


def _ending(return_code: int | None) -> str:
    if return_code is None:
        return "unknown"
    return f"signal {signal.Signals(-return_code).name}" if return_code < 0 else f"exit {return_code}"
