"""`make load ARGS='ordinary --seconds 60'`: a sandbox of its own under a day's load, then the books, then a report.

With `--fault NAME` the engines are the rig's own, and something is broken in the middle third of the run.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.bench.running import memory_mib, sandbox
from deploy.rigs import books, clock, load, report
from deploy.rigs.engines import Rig, engines
from deploy.rigs.faults import FAULTS, Broken, breaking
from deploy.rigs.profiles import PROFILES
from deploy.sandbox import plan
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES

PORT = 8600


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one profile; the exit status says whether everything was accounted for."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rigs", description=__doc__)
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--fault", choices=[*FAULTS, "all"], help="break this in the middle third; all: one run after the other")
    parser.add_argument("--folder", type=Path, default=Path("var/rigs"))
    parsed = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # unwind: the engines are ours to stop
    names = list(FAULTS) if parsed.fault == "all" else [parsed.fault]
    statuses = [_run(parsed.profile, name, parsed.seconds, parsed.folder) for name in names]
    return max(statuses)


def _run(profile_name: str, fault: str | None, seconds: float, above: Path) -> int:
    profile = PROFILES[profile_name]
    folder = above / "-".join(part for part in (time.strftime("%Y%m%d-%H%M%S"), fault) if part)
    with _engines(fault, folder) as rig, sandbox(folder / "sandbox", PORT) as (document, _, pid):
        here = plan.load_or_make(folder / "sandbox", Ports(PORT))
        for service in SERVICES:
            os.environ.update(here.environment(service))
        make = load.requests_of(document, profile)
        before = books.count(profile.mix)
        memory_before = sum(memory_mib(pid).values())
        with _breaking(fault, rig, folder / "sandbox", seconds) as broken:
            run = load.begin(profile_name, profile, seconds)
            load.send(run, profile, make, seconds)
        closed = books.close(run, before)
        memory_after = sum(memory_mib(pid).values())
    page = report.write(folder, run, closed, broken)
    print(f"{profile.what}: {run.sent} requests in {run.seconds:.0f} s, {run.wrong} wrong, {run.late} late")
    if broken:
        print(f"{broken.name}: {FAULTS[broken.name].what}, from {broken.began} s to {broken.ended} s")
    for name, kind in run.kinds.items():
        print(f"  {name}: p50 {kind.percentile(0.5)} ms, p95 {kind.percentile(0.95)} ms, p99 {kind.percentile(0.99)} ms, {kind.statuses}")
    print(f"memory {memory_before:.0f} → {memory_after:.0f} MiB; everything done {closed.waited_seconds:.1f} s later")
    wrong = [*closed.faults, *(broken.errors if broken else ())]
    for each in wrong:
        print(f"  ✗ {each}")
    print(f"report: {page}")
    return 1 if wrong or (run.wrong and not broken) else 0


@contextlib.contextmanager
def _engines(fault: str | None, folder: Path) -> Iterator[Rig | None]:
    """The rig's own engines where something is to be broken; the sandbox that starts next finds them in the environment."""
    if fault is None:
        yield None
        return
    with engines(folder / "engines", disk_mib=FAULTS[fault].disk_mib) as rig:
        made = {**rig.environment, **(clock.environment(rig.folder) if FAULTS[fault].needs_clock else {})}
        os.environ.update(made)
        try:
            yield rig
        finally:
            for name in made:
                del os.environ[name]


@contextlib.contextmanager
def _breaking(fault: str | None, rig: Rig | None, folder: Path, seconds: float) -> Iterator[Broken | None]:
    if fault is None or rig is None:
        yield None
        return
    with breaking(fault, rig, folder, seconds) as broken:
        yield broken


if __name__ == "__main__":
    sys.exit(main())
