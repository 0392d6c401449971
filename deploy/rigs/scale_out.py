"""`python -m deploy.rigs.scale_out`: what 1, 2 and 4 processes a service answer and work off a second, in one table.

Web processes and workers are multiplied together; load generator and engines share the machine.  Needs wrk.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from deploy.bench import targets
from deploy.bench.load import Measured, measure, require_wrk
from deploy.bench.running import sandbox
from deploy.errors import CannotStart
from deploy.rigs import books, report
from deploy.sandbox import plan as plans
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.serving import create_context

PORT = 8680
TEXTS = "POST v2 SMS"
KEPT_SECONDS = 3
"""How long a web process may go on by what it knew of a service."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each number of processes in turn."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rigs.scale_out", description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4], help="(default: 1 2 4)")
    parser.add_argument("--seconds", type=int, default=10, help="of each load (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=32, help="(default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("var/rigs"))
    parsed = parser.parse_args(arguments)
    folder = parsed.folder / time.strftime("%Y%m%d-%H%M%S-scale-out")
    try:
        require_wrk()
        found = {number: _measure(folder / str(number), number, parsed.seconds, parsed.connections) for number in parsed.processes}
    except CannotStart as fault:
        print(f"scale_out: {fault}", file=sys.stderr)
        return 1
    table = _table(found)
    page = report.write_tables(folder, f"Scale-out on {os.cpu_count()} cores", [table])
    print(table.as_text())
    print(f"report: {page}")
    return 0


def _measure(folder: Path, processes: int, seconds: int, connections: int) -> dict[str, tuple[float, float, int]]:
    """Return for each kind of request: right answers a second, p95 in ms, others; and how many texts were worked off a second."""
    os.environ["SANDBOX_PROCESSES"] = str(processes)
    try:
        with sandbox(folder, PORT) as (document, _, _pid):
            here = plans.load_or_make(folder, Ports(PORT))
            for service in SERVICES:
                os.environ.update(here.environment(service))
            _lift_limits()
            found: dict[str, tuple[float, float, int]] = {}
            for make in targets.ALL:
                began = time.monotonic()
                measured = measure(make(document), connections=connections, seconds=seconds)
                found[measured.name] = (measured.per_second, measured.p95_ms, measured.wrong)
                if measured.name == TEXTS:
                    found["texts worked off"] = _worked_off(measured, began, seconds)
            return found
    finally:
        del os.environ["SANDBOX_PROCESSES"]


def _lift_limits() -> None:
    """Take the limits off the services of notify: the machine is what is measured."""
    context = create_context("notify")
    try:
        with context.db.begin() as connection:
            connection.execute(text("UPDATE services SET rate_per_minute = 10000000, daily_sms = 10000000"))
    finally:
        context.close()
    time.sleep(KEPT_SECONDS)


def _worked_off(measured: Measured, began: float, seconds: int) -> tuple[float, float, int]:
    """Wait until notify has nothing left to do."""
    books.wait_idle(["notify"])
    return measured.per_second * seconds / (time.monotonic() - began), 0.0, 0


def _table(found: dict[int, dict[str, tuple[float, float, int]]]) -> report.Table:
    numbers = list(found)
    head = ("a second", *(f"{number}: right, p95 ms" for number in numbers), "most by")
    rows = []
    for kind in found[numbers[0]]:
        figures = {number: found[number][kind] for number in numbers}
        best = max(figures, key=lambda number: figures[number][0])
        rows.append((kind, *(_cell(*each) for each in figures.values()), best))
    return report.Table("Right answers a second by number of web and worker processes a service", head, tuple(rows))


def _cell(rate: float, p95: float, wrong: int) -> str:
    return f"{rate:.0f}" + (f", {p95:.0f}" if p95 else "") + (f" ({wrong} others)" if wrong else "")


if __name__ == "__main__":
    sys.exit(main())
