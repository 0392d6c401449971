"""`make load ARGS='ordinary --seconds 60'`: a sandbox of its own under a day's load, then the books, then a report."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.bench import targets
from deploy.bench.running import memory_mib, sandbox
from deploy.rigs import books, load, report
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
    parser.add_argument("--folder", type=Path, default=Path("var/rigs"))
    parsed = parser.parse_args(arguments)
    profile = PROFILES[parsed.profile]
    folder = parsed.folder / time.strftime("%Y%m%d-%H%M%S")
    with sandbox(folder / "sandbox", PORT) as (document, _, pid):
        here = plan.load_or_make(folder / "sandbox", Ports(PORT))
        for service in SERVICES:
            os.environ.update(here.environment(service))
        made = {target.name: target for target in (make(document) for make in targets.ALL)}
        before = books.count(profile.mix)
        memory_before = sum(memory_mib(pid).values())
        run = load.run(parsed.profile, profile, made, parsed.seconds)
        closed = books.close(run, before)
        memory_after = sum(memory_mib(pid).values())
    page = report.write(folder, run, closed)
    print(f"{profile.what}: {run.sent} requests in {run.seconds:.0f} s, {run.wrong} wrong, {run.late} late")
    for name, kind in run.kinds.items():
        print(f"  {name}: p50 {kind.percentile(0.5)} ms, p95 {kind.percentile(0.95)} ms, p99 {kind.percentile(0.99)} ms, {kind.statuses}")
    print(f"memory {memory_before:.0f} → {memory_after:.0f} MiB; everything done {closed.waited_seconds:.1f} s later")
    for fault in closed.faults:
        print(f"  ✗ {fault}")
    print(f"report: {page}")
    return 1 if closed.faults or run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
