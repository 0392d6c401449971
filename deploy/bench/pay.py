"""`make bench-pay`: creates, reads, whole payments a second, search and proof over many, with the books proved at the end."""

import argparse
import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from deploy import operations
from deploy.bench import pay_books, running
from deploy.bench.crowds import spread, steady
from deploy.bench.load import Measured, Target, measure, raw_request, require_wrk
from deploy.bench.pay_payers import Line, Shop
from deploy.bench.sinks import HOST, HTTP_OFFSET, SMTP_OFFSET, sinks
from deploy.bench.targets import pay_create
from deploy.errors import CannotStart
from deploy.sandbox import plan as plans

DELIVERED_WITHIN_SECONDS = 120.0
OK = frozenset({200})
LOAD_ACCOUNT = "Medición de carga"


@dataclass(frozen=True)
class Whole:
    """Whole payments: how many a second until everything was captured and every message delivered."""

    payments: int
    per_second: float
    walked_per_second: float
    undelivered: int


def whole_payments(shop: Shop, database_url: str, *, count: int, threads: int) -> Whole:
    """Pay `count` payments at once, and wait until the last webhook message is delivered."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for one in [pool.submit(shop.pay) for _ in range(count)]:
            one.result()
    walked = time.perf_counter() - begun
    left = 1
    while left and time.perf_counter() - begun < walked + DELIVERED_WITHIN_SECONDS:
        left = _unfinished(database_url)
        time.sleep(0.2 if left else 0)
    return Whole(count, count / (time.perf_counter() - begun), count / walked, left)


def _unfinished(database_url: str) -> int:
    query = (
        "SELECT (SELECT count(*) FROM webhook_messages WHERE state = 'PENDING') + "
        "(SELECT count(*) FROM payments WHERE state LIKE 'CAPTURE%' AND state <> 'CAPTURED')"
    )
    with psycopg.connect(database_url) as connection:
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


SEARCHES = (
    "reference=REF-77",
    "state=success&display_size=50",
    "from_date=2026-01-01T00:00:00Z&display_size=50",
    "email=jose&display_size=50",
)


def search_times(shop: Shop, *, rounds: int = 60) -> list[float]:
    """Return the sorted milliseconds of the searches that people make."""
    line, times = Line(shop.netloc), []
    for number in range(rounds):
        begun = time.perf_counter()
        status, _, _ = line.send("GET", "/v1/payments?" + SEARCHES[number % len(SEARCHES)], headers={"Authorization": f"Bearer {shop.key}"})
        times.append((time.perf_counter() - begun) * 1000)
        if status != 200:
            raise CannotStart(f"a search was answered {status}")
    return sorted(times)


def prove_books(folder: Path, port: int) -> tuple[str, float, float]:
    """Prove the books in a process of its own; return what it says, seconds, and MiB at most."""
    os.environ.update({"SANDBOX_DIR": str(folder), "SANDBOX_PORT": str(port)})
    os.environ.update(plans.from_environment().environment("pay") | {"PAY_STATEMENT_TIMEOUT_MS": "3600000"})
    begun = time.perf_counter()
    proof = operations.prove_books()
    said = f"{proof.payments} payments, {proof.transactions} postings, {len(proof.faults)} faults"
    return said, time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


STEPS = ("creates", "half", "get", "whole", "soak", "prove", "search")


def main() -> int:
    """Measure pay once, on a fresh sandbox, and say each figure as soon as it is there."""
    parser = argparse.ArgumentParser(prog="make bench-pay ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="length of each load (default: %(default)s)")
    parser.add_argument("--soak", type=int, default=5, help="seconds at half load (default: %(default)s; the target is 600)")
    parser.add_argument("--payments", type=int, default=60, help="whole payments (default: %(default)s)")
    parser.add_argument("--books", type=int, default=10_000, help="payments to prove over, with postings (default: %(default)s)")
    parser.add_argument("--fill", type=int, default=10_000, help="payments to search over, with those of the books (default: %(default)s)")
    parser.add_argument("--only", default=",".join(STEPS), help="steps, with commas (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--port", type=int, default=18_200)
    options = parser.parse_args()
    try:
        require_wrk()
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            bench(Path(folder) / "sandbox", options)
    except CannotStart as fault:
        print(f"bench-pay: {fault}", file=sys.stderr)
        return 1
    return 0


def bench(folder: Path, options: argparse.Namespace) -> None:
    """Start a sandbox and print a row of Markdown for each step; webhooks go to a receiver that costs little."""
    print("| pay | measured |\n|---|---|", flush=True)
    os.environ.update({"SANDBOX_DIR": str(folder), "SANDBOX_PORT": str(options.port)})
    hosts = plans.from_environment().environment("pay")["PAY_OUTBOUND_PRIVATE_HOSTS"]
    ports = (options.port + SMTP_OFFSET, options.port + HTTP_OFFSET)
    receiver = f"{HOST}:{ports[1]}"
    os.environ["SANDBOX_PAY_OUTBOUND_PRIVATE_HOSTS"] = f"{hosts},{receiver}"
    with sinks(*ports), running.sandbox(folder, options.port) as (document, started, _pid):
        _row("the sandbox is ready", f"{started:.0f} s")
        pay = document["pay"]
        shop = Shop(urlsplit(pay["base_url"]).netloc, pay["api_keys"]["load"], f"{document['example']}/back")
        database_url = plans.from_environment().database_url("pay")  # known since the sandbox has its engines
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE webhooks SET callback_url = %s", (f"http://{receiver}/webhooks",))
        rig = Rig(shop, document, database_url, folder, options)
        for step in (name for name in STEPS if name in options.only.split(",")):
            for name, value in getattr(rig, step)():
                _row(name, value)


def _row(name: str, value: str) -> None:
    print(f"| {name} | {value} |", flush=True)


Rows = Iterator[tuple[str, str]]


@dataclass
class Rig:
    """The steps: each yields its rows; a step that needs an earlier one's figure measures it where that was left out."""

    shop: Shop
    document: dict[str, Any]  # sandbox.json
    database_url: str
    folder: Path
    options: argparse.Namespace
    creates_per_second: float = 0.0
    whole_per_second: float = 0.0

    def creates(self) -> Rows:
        """How many payments are made a second, at full load."""
        found = measure(pay_create(self.document), connections=self.options.connections, seconds=self.options.seconds)
        self.creates_per_second = found.per_second
        yield "creates", _shown(found)

    def _create(self) -> None:
        self.shop.create(_own_line(self.shop))

    def half(self) -> Rows:
        """How long a create takes at half of that."""
        if not self.creates_per_second:
            yield from self.creates()
        rate = max(1.0, self.creates_per_second / 2)
        found = steady(lambda _: self._create(), per_second=rate, seconds=self.options.seconds)
        yield "creates at half load", f"{found.per_second:.0f}/s, {spread(found.milliseconds)}, {found.answers['lost']} lost"

    def get(self) -> Rows:
        """How many reads of a captured payment a second."""
        found = measure(_get(self.shop, self.document), connections=self.options.connections, seconds=self.options.seconds)
        yield "GET by id, captured", _shown(found)

    def whole(self) -> Rows:
        """How many payments a second from create to the last webhook delivered."""
        found = whole_payments(self.shop, self.database_url, count=self.options.payments, threads=self.options.connections)
        self.whole_per_second = found.per_second
        rates = f"{found.per_second:.1f}/s ({found.walked_per_second:.1f}/s walked, {found.undelivered} left)"
        yield f"{found.payments} whole payments, to the last webhook", rates

    def soak(self) -> Rows:
        """The same at half of that for a while; the proof at the end says whether the books hold."""
        if not self.whole_per_second:
            yield from self.whole()
        found = steady(lambda _: self.shop.pay(), per_second=max(0.5, self.whole_per_second / 2), seconds=self.options.soak)
        yield (
            f"whole payments at half load, {self.options.soak} s",
            f"{found.per_second:.1f}/s, {spread(found.milliseconds)}, {found.answers['lost']} lost",
        )

    def search(self) -> Rows:
        """How long searches take over many payments, which are written in bulk first: after the proof, for they have no postings."""
        begun = time.perf_counter()
        written = pay_books.fill(self.database_url, LOAD_ACCOUNT, self.options.fill, with_postings=False)
        yield f"{written} more payments written in bulk", f"{time.perf_counter() - begun:.1f} s"
        first = search_times(self.shop, rounds=len(SEARCHES))
        yield f"search over {self.options.fill}, the first of each kind", spread(first)
        yield f"search over {self.options.fill}", spread(search_times(self.shop))

    def prove(self) -> Rows:
        """How long the proof of the books takes, and how much memory."""
        begun = time.perf_counter()
        written = pay_books.fill(self.database_url, LOAD_ACCOUNT, self.options.books)
        yield f"{written} payments with postings written in bulk", f"{time.perf_counter() - begun:.1f} s"
        said, seconds, mib = prove_books(self.folder, self.options.port)
        yield "proof of the books", f"{said}: {seconds:.1f} s, {mib:.0f} MiB"


_LINES = threading.local()


def _own_line(shop: Shop) -> Line:
    """Return the connection of this thread."""
    if not hasattr(_LINES, "line"):
        _LINES.line = Line(shop.netloc)
    line: Line = _LINES.line
    return line


def _get(shop: Shop, document: dict[str, Any]) -> Target:
    """Read one captured payment again and again: an open one is given a new link at each reading, which is a write."""
    shop.pay()
    line = Line(shop.netloc)
    headers = {"Authorization": f"Bearer {shop.key}"}
    _, text, _ = line.send("GET", "/v1/payments?state=success&display_size=1", headers=headers)
    payment_id = json.loads(text)["results"][0]["payment_id"]
    url = f"{document['pay']['base_url']}/v1/payments/{payment_id}"
    return Target("GET payment", document["pay"]["base_url"], [raw_request("GET", url, headers)], OK)


def _shown(measured: Measured) -> str:
    return f"{measured.per_second:.0f}/s, p50 {measured.p50_ms:.1f} ms, p95 {measured.p95_ms:.1f} ms, {measured.wrong} wrong"


if __name__ == "__main__":
    sys.exit(main())
