"""`python -m deploy.rigs.upgrade`: the release before this one and this one side by side, under load, on the same databases.

1. The old release runs alone, and the new one migrates its databases.
2. The new one's webs join at the same ports, its workers and relays at the same queues.
3. The old one's processes are told to end.
4. The new one goes on alone.

All the while an ordinary day's requests come.  Then the books.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from deploy.bench.running import sandbox
from deploy.errors import CannotStart
from deploy.program import Program
from deploy.rigs import books, load, previous, report
from deploy.rigs.faults import Broken, programs_in
from deploy.rigs.profiles import PROFILES
from deploy.sandbox import plan as plans
from deploy.sandbox import programs
from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.supervisor import Supervisor
from deploy.system import listeners, process_birth, wait_until

PORT = 8640
PROFILE = "ordinary"
START_SECONDS_MAX = 120.0
END_SECONDS_MAX = 40.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status says whether everything was accounted for and every answer was right."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rigs.upgrade", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="of load (default: %(default)s)")
    parser.add_argument("--from", dest="old", default="", help="the old release (default: the newest tag, else before the last migration)")
    parser.add_argument("--folder", type=Path, default=Path("var/rigs"))
    parsed = parser.parse_args(arguments)
    folder = parsed.folder / time.strftime("%Y%m%d-%H%M%S-upgrade")
    revision = parsed.old or previous.find()
    code = previous.export(revision, folder / "old")
    with sandbox(folder / "sandbox", PORT, code=code) as (document, _, pid):
        here = plans.load_or_make(folder / "sandbox", Ports(PORT))
        for service in SERVICES:
            os.environ.update(here.environment(service))
        make = load.requests_of(document, PROFILES[PROFILE])
        before = books.count(PROFILES[PROFILE].mix)
        run = load.begin(PROFILE, PROFILES[PROFILE], parsed.seconds)
        sending = threading.Thread(target=load.send, args=(run, PROFILES[PROFILE], make, run.seconds))
        sending.start()
        steps = Broken(f"upgrade from {revision}")
        with _upgraded(here, folder, pid, run.seconds, steps):
            sending.join()
            closed = books.close(run, before)
    page = report.write(folder, run, closed, steps)
    print(f"from {revision}: {run.sent} requests, {run.wrong} wrong; the new release alone after {steps.ended} s")
    for each in (*closed.faults, *steps.errors):
        print(f"  ✗ {each}")
    print(f"report: {page}")
    return 1 if closed.faults or steps.errors or run.wrong else 0


@contextlib.contextmanager
def _upgraded(here: Plan, folder: Path, pid: int, seconds: float, steps: Broken) -> Iterator[None]:
    """Go from the old release to the new one, a quarter of the run for each step; the new one runs in the block."""
    start = time.monotonic()
    supervisor = Supervisor(folder / "new")
    try:
        _wait_for(start + seconds / 4)
        steps.began = round(time.monotonic() - start, 1)
        _migrate(folder)
        for program in _beside(here):
            supervisor.start(program)
        supervisor.wait_ready(START_SECONDS_MAX)
        _wait_for(start + seconds * 3 / 4)
        os.kill(pid, signal.SIGSTOP)  # or its supervisor would start again what ends
        steps.errors += _end(folder / "sandbox")
        steps.ended = round(time.monotonic() - start, 1)
        if steps.ended > seconds:
            steps.errors.append("the load was over before the old release: give more --seconds")
        yield
    finally:
        supervisor.stop()
        os.kill(pid, signal.SIGCONT)


def _wait_for(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _migrate(folder: Path) -> None:
    command = [sys.executable, "-m", "deploy.cli", "migrate", "--all"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (folder / "migrate.log").write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        raise CannotStart(f"The new release could not migrate: {done.stderr.strip().splitlines()[-1:]}")


def _beside(here: Plan) -> list[Program]:
    """The new release's processes; a web is there once one more listens at its port."""
    found = []
    for program in programs.running(here, mark="-new"):
        if program.name in SERVICES:
            port = here.ports.of(program.name)
            found.append(replace(program, ready=partial(_more_listen, port, listeners(port))))
        elif program.name not in ("side", "alias"):
            found.append(program)
    return found


def _more_listen(port: int, before: int) -> bool:
    return listeners(port) > before


def _end(sandbox_folder: Path) -> list[str]:
    """Tell the old release's processes to end, as an operator does; a sentence for each that does not."""
    found = {name: pid for name, pid in programs_in(sandbox_folder).items() if name.endswith("-worker") or name in ("relay", *SERVICES)}
    births = {name: process_birth(pid) for name, pid in found.items()}
    for pid in found.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not any(_runs(pid) for pid in found.values()), END_SECONDS_MAX, pause_seconds=0.2)
    return [f"{name} did not end" for name, pid in found.items() if _runs(pid) and process_birth(pid) == births[name]]


def _runs(pid: int) -> bool:
    """False for one that has ended, also where its parent, which stands still, has not noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
