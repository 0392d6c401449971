"""`python -m deploy.rigs.soak --seconds 3600 --rate 60`: hours of an even load of all four services, and what memory does meanwhile.

Memory is weighed now and then, and a line is laid through it from the second quarter on: what grows without end shows as its slope.
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import linear_regression

from deploy.bench.running import memory_mib, sandbox
from deploy.rigs import books, load, report
from deploy.rigs.profiles import PROFILES
from deploy.sandbox import plan as plans
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES

PORT = 8660
SAMPLES = 60
SAMPLE_SECONDS_MIN = 2.0


@dataclass
class Weighed:
    """Seconds from the beginning, and MiB by kind of process."""

    at: list[float] = field(default_factory=list)
    kinds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, seconds: float, memory: dict[str, float]) -> None:
        """Keep one weighing."""
        self.at.append(seconds)
        for kind in memory.keys() | self.kinds.keys():
            self.kinds.setdefault(kind, [0.0] * (len(self.at) - 1)).append(memory.get(kind, 0.0))

    def slope(self, kind: str) -> float:
        """Return MiB an hour from the second quarter on; 0 where there is too little to say."""
        first = len(self.at) // 4
        if len(self.at) - first < 2:
            return 0.0
        return linear_regression(self.at[first:], self.kinds[kind][first:]).slope * 3600

    def table(self) -> report.Table:
        """Return what was weighed."""
        rows = tuple(
            (kind, round(values[0], 1), round(max(values), 1), round(values[-1], 1), round(self.slope(kind), 1))
            for kind, values in sorted(self.kinds.items())
        )
        return report.Table("Memory, MiB (proportional)", ("processes", "first", "most", "last", "an hour more"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status says whether every answer was right and everything was accounted for."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rigs.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="(default: %(default)s)")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("var/rigs"))
    parsed = parser.parse_args(arguments)
    folder = parsed.folder / time.strftime("%Y%m%d-%H%M%S-soak")
    profile = replace(PROFILES["ordinary"], what="an even load", rate=lambda _share: parsed.rate)
    with sandbox(folder / "sandbox", PORT) as (document, _, pid):
        here = plans.load_or_make(folder / "sandbox", Ports(PORT))
        for service in SERVICES:
            os.environ.update(here.environment(service))
        before = books.count(profile.mix)
        run = load.begin("soak", profile, parsed.seconds)
        weighed = _weigh_while(pid, parsed.seconds, lambda: load.send(run, profile, load.requests_of(document, profile), parsed.seconds))
        closed = books.close(run, before)
    page = report.write(folder, run, closed, tables=[weighed.table()])
    print(
        f"{run.sent} requests in {run.seconds:.0f} s, {run.wrong} wrong, {run.late} late; everything done {closed.waited_seconds} s later"
    )
    for name, kind in run.kinds.items():
        print(f"  {name}: p50 {kind.percentile(0.5)} ms, p99 {kind.percentile(0.99)} ms")
    print(weighed.table().as_text())
    for each in closed.faults:
        print(f"  ✗ {each}")
    print(f"report: {page}")
    return 1 if closed.faults or run.wrong else 0


def _weigh_while(pid: int, seconds: float, act: Callable[[], None]) -> Weighed:
    """Weigh the processes while something is done."""
    weighed, over, began = Weighed(), threading.Event(), time.monotonic()

    def go_on() -> None:
        while True:
            weighed.add(time.monotonic() - began, memory_mib(pid))
            if over.wait(max(SAMPLE_SECONDS_MIN, seconds / SAMPLES)):
                return

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        act()
    finally:
        over.set()
        thread.join()
    return weighed


if __name__ == "__main__":
    sys.exit(main())
