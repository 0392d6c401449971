"""A sandbox for measuring: started in a folder of its own, timed, weighed, stopped."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.errors import CannotStart

START_SECONDS_MAX = 180
STOP_SECONDS_MAX = 20


@contextlib.contextmanager
def sandbox(folder: Path, port: int, *, code: Path | None = None) -> Iterator[tuple[dict[str, Any], float, int]]:
    """Start a sandbox and give (sandbox.json, seconds until ready, process id); stop it at the end.  `code`: another release's.

    A signal to end ends this process by unwinding: what runs is ours to stop.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    environment = {**os.environ, "SANDBOX_DIR": str(folder.absolute()), "SANDBOX_PORT": str(port)}
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "bench.log"
    with log.open("ab") as output:
        began = time.monotonic()
        command = [sys.executable, "-m", "deploy.cli", "sandbox"]  # the folder it is run in goes before what is installed
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=code)
    try:
        document = _wait(folder / "sandbox.json", process, log)
        yield document, time.monotonic() - began, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS_MAX)


def _wait(file: Path, process: "subprocess.Popen[bytes]", log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            document: dict[str, Any] = json.loads(file.read_text())
            if document.get("ready"):
                return document
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise CannotStart(f"The sandbox to be measured did not start: {log.read_text()[-400:]}")


def descendants(pid: int) -> list[int]:
    """List the processes that descend from one, itself included."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for known in found:
        found.extend(child for child, parent in parents.items() if parent == known)
    return found


def memory_mib(pid: int) -> dict[str, float]:
    """Return the proportional memory of a process and its descendants by kind, in MiB: shared pages are counted once."""
    kinds: dict[str, float] = {}
    for each in descendants(pid):
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
            kilobytes = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            kinds[_kind(each)] = kinds.get(_kind(each), 0.0) + kilobytes / 1024
    return dict(sorted(kinds.items(), key=lambda item: -item[1]))


def busy_ms(pid: int) -> dict[str, float]:
    """Return the CPU time of a process and its descendants so far by kind, in milliseconds."""
    kinds: dict[str, float] = {}
    for each in descendants(pid):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            kinds[_kind(each)] = kinds.get(_kind(each), 0.0) + (int(words[11]) + int(words[12])) * 1000 / os.sysconf("SC_CLK_TCK")
    return kinds


def memory_of_web(pid: int, service: str) -> list[tuple[float, float]]:
    """Return (proportional, resident) MiB of each process that answers one service's requests, among a process and its descendants."""
    found = []
    for parent in descendants(pid):
        words = _words(parent)
        if "serve" in words and words[words.index("serve") + 1] == service:
            found += [_sizes(child) for child in descendants(parent)[1:]]
    return found


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _sizes(pid: int) -> tuple[float, float]:
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    kilobytes = {words[0]: int(words[1]) for words in lines}
    return kilobytes["Pss:"] / 1024, kilobytes["Rss:"] / 1024


def _kind(pid: int) -> str:
    words = _words(pid)
    line = " ".join(words)
    for mark, kind in (
        ("postgres", "postgresql"),
        ("valkey", "valkey"),
        ("redis", "valkey"),
        ("sandbox.side", "inbox, registry, example, front"),
    ):
        if mark in line and "deploy.cli" not in line:
            return kind
    for role in ("serve", "worker", "relay", "sandbox"):
        if role in words:
            return {"serve": "web", "worker": "workers", "relay": "relay", "sandbox": "supervisor"}[role]
    return "web"  # granian's own children carry no arguments of ours
