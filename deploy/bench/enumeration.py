"""`python -m deploy.bench.enumeration`: can the time of an answer tell whether a RUN has an account? (PW-3, LK-5)

Wrong passwords for RUNs that exist and RUNs that do not go to a sandbox of its own in turn; the two sets of times are compared by the
rank-sum test of Mann and Whitney.  A small p says that they differ.
"""

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from deploy.bench import running
from deploy.errors import CannotStart
from deploy.journey.pages import Browser
from shared.run import Run, check_digit

UNKNOWN_FROM = 19_000_000
WINDOW_TRIES = 4
"""So many wrong passwords a RUN takes before its wait begins: more would measure the wait."""


def rank_sum(one: Sequence[float], two: Sequence[float]) -> tuple[float, float]:
    """Return z and two-sided p of the rank-sum test, by the normal approximation; ties share their ranks."""
    values = sorted((value, group) for group, values in enumerate((one, two)) for value in values)
    ranks, place = [0.0, 0.0], 0
    ties = 0
    while place < len(values):
        end = place
        while end < len(values) and values[end][0] == values[place][0]:
            end += 1
        for _, group in values[place:end]:
            ranks[group] += (place + 1 + end) / 2
        ties += (end - place) ** 3 - (end - place)
        place = end
    count_one, count_two = len(one), len(two)
    count = count_one + count_two
    mean = count_one * (count + 1) / 2
    variance = count_one * count_two / 12 * ((count + 1) - ties / (count * (count - 1)))
    z = (ranks[0] - mean) / math.sqrt(variance) if variance else 0.0
    return z, math.erfc(abs(z) / math.sqrt(2))


def measure(base_url: str, runs: Sequence[str]) -> list[float]:
    """Return the milliseconds that a wrong password for each RUN takes, each on a fresh sign-in page."""
    found = []
    for number, run in enumerate(runs):
        with httpx.Client(timeout=30) as http:
            browser = Browser(http, language="es", stop_at=())
            page = browser.open(base_url + "/account")
            form = next(form for form in page.forms if form.field_for("current-password"))
            began = time.perf_counter()
            browser.submit(page, form, {"run": run, "password": f"wrong password {number}"})
            found.append((time.perf_counter() - began) * 1_000)
    return found


def compare(document: dict[str, Any], tries: int) -> str:  # sandbox.json, read by key
    """Return the table: known and unknown RUNs in turn, so that both meet the same machine."""
    identity = document["identity"]
    known = [citizen["run"] for citizen in identity["citizens"] for _ in range(WINDOW_TRIES)][:tries]
    unknown = [str(Run(number, check_digit(number))) for number in range(UNKNOWN_FROM, UNKNOWN_FROM + len(known))]
    times: tuple[list[float], list[float]] = ([], [])
    measure(identity["base_url"], unknown[:1])  # the first of all warms up
    for pair in zip(known, unknown, strict=True):
        for group, run in enumerate(pair):
            times[group].extend(measure(identity["base_url"], [run]))
    z, p = rank_sum(*times)
    rows = [f"| {name} | {len(found)} | {statistics.median(found):.1f} |" for name, found in zip(("known", "unknown"), times, strict=True)]
    return "\n".join(["| RUN | answers | median ms |", "|---|---|---|", *rows, "", f"rank sum: z = {z:.2f}, p = {p:.2f}"])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bench.enumeration", description=__doc__)
    parser.add_argument("--tries", type=int, default=16, help="answers of each kind, 16 at most (default: %(default)s)")
    parser.add_argument("--port", type=int, default=18_300, help="base port of the sandbox that is measured (default: %(default)s)")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            with running.sandbox(Path(folder) / "sandbox", options.port) as (document, _, _):
                print(compare(document, options.tries))
    except CannotStart as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
