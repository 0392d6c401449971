"""One running sandbox for all tests of a pytest run that need the whole suite, whatever the number of workers.

`ANDAMIO_TEST_SANDBOX` names the folder of a running sandbox to use instead.  Otherwise the first test that asks starts
`python -m tests.sandboxes`, which keeps a sandbox on free ports in a folder of its own and ends it when the process that began
the run is gone.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.sandbox.ports import OFFSETS
from deploy.services import SERVICES
from deploy.system import port_is_free, process_birth, wait_until
from tests.engines import locked

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 240
STOP_SECONDS = 60
BASES = range(21_000, 31_000, 20)
COLLECTOR_OFFSET = 9


@pytest.fixture(scope="session")
def sandbox(run_folder: Path) -> "RunningSandbox":
    """The whole suite, running, with people and keys."""
    return obtain(run_folder)


class RunningSandbox:
    """Where it lives and what its sandbox.json says."""

    def __init__(self, folder: Path, base_port: int) -> None:
        self.folder = folder
        self.base_port = base_port
        self.facts: Mapping[str, Any] = json.loads((folder / "sandbox.json").read_text(encoding="utf-8"))

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a command at it."""
        return {**os.environ, "SANDBOX_DIR": str(self.folder), "SANDBOX_PORT": str(self.base_port)}


def obtain(run_folder: Path) -> RunningSandbox:
    """The sandbox of this run, started when nobody has yet."""
    given = os.environ.get("ANDAMIO_TEST_SANDBOX")
    if given:
        facts = json.loads((Path(given) / "sandbox.json").read_text(encoding="utf-8"))
        return RunningSandbox(Path(given), urlsplit(facts["front"]).port or 80)
    return obtain_own(run_folder)


def obtain_own(run_folder: Path) -> RunningSandbox:
    """One that belongs to this run alone, whatever sandbox the environment names: for tests that break it."""
    with locked(run_folder / "sandbox.lock"):
        record = run_folder / "sandbox-of-run.json"
        if not record.exists():
            record.write_text(json.dumps(_start_holder(run_folder)))
        place = json.loads(record.read_text())
    return RunningSandbox(Path(place["folder"]), place["base_port"])


def _start_holder(run_folder: Path) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp(prefix="andamio-sandbox-"))
    folder.chmod(0o711)  # the database may run as another user
    base = free_base()
    said = run_folder / "sandbox.log"
    collector = {f"SANDBOX_{service}_OTLP_ENDPOINT".upper(): f"http://127.0.0.1:{base + COLLECTOR_OFFSET}" for service in SERVICES}
    environment = {**os.environ, **collector, "SANDBOX_DIR": str(folder), "SANDBOX_PORT": str(base)}
    command = [sys.executable, "-m", "tests.sandboxes", str(folder), os.environ["ANDAMIO_TEST_RUN_PID"]]
    with said.open("wb") as log:
        holder = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    ready = wait_until(lambda: (folder / "sandbox.json").exists() or holder.poll() is not None, START_SECONDS)
    if not ready or holder.poll() is not None:
        raise RuntimeError(f"the sandbox did not start:\n{said.read_text()}")
    holder.returncode = 0  # it outlives us on purpose: no warning about a process left running
    return {"folder": str(folder), "base_port": base}


def free_base() -> int:
    """A base port of which every part is free just now."""
    return next(
        base
        for base in secrets.SystemRandom().sample(BASES, len(BASES))
        if all(port_is_free(base + offset) for offset in (*OFFSETS.values(), COLLECTOR_OFFSET))
    )


class Collector(BaseHTTPRequestHandler):
    """Keeps what the services tell about their traces, a file each time."""

    folder: Path

    def do_POST(self) -> None:
        """Keep it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kept = self.folder / f"{time.time_ns()}-{secrets.token_hex(4)}"
        kept.with_suffix(".part").write_bytes(body)
        kept.with_suffix(".part").rename(kept.with_suffix(".otlp"))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def collect(folder: Path, port: int) -> None:
    """Be the collector of a sandbox for as long as this process lives."""
    Collector.folder = folder / "traces"
    Collector.folder.mkdir()
    threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", port), Collector).serve_forever, daemon=True).start()


def hold(folder: Path, run_pid: int) -> None:
    """Keep a sandbox until the run is over, and leave nothing behind."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    collect(folder, int(os.environ["SANDBOX_PORT"]) + COLLECTOR_OFFSET)
    birth = process_birth(run_pid)
    process = subprocess.Popen([sys.executable, "-m", "deploy.cli", "sandbox"], cwd=ROOT)
    try:
        while process.poll() is None and not asked and process_birth(run_pid) == birth:
            wait_until(lambda: process.poll() is not None, 0.5)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    hold(Path(sys.argv[1]), int(sys.argv[2]))
