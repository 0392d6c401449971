"""`make bench-pay`: creates, reads, whole payments a second, search and proof over many, with the books proved at the end."""

import argparse
import http.client
import json
import os
import re
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg

from deploy import operations
from deploy.bench import running
from deploy.bench.load import Measured, Target, measure, raw_request, require_wrk
from deploy.bench.targets import pay_create
from deploy.errors import CannotStart
from deploy.sandbox import plan as plans

CARD = {
    "cardNo": "4242424242424242",
    "expiryMonth": "11",
    "expiryYear": "29",
    "cardholderName": "José Ñancupil",
    "cvc": "123",
    "addressCountry": "CL",
    "addressLine1": "Los Aromos 12",
    "addressCity": "Quilpalín",
    "addressPostcode": "2430000",
    "email": "jose@example.cl",
}
DELIVERED_WITHIN_SECONDS = 120.0
OK = frozenset({200})


@dataclass
class Line:
    """One connection to the service, kept open, with the cookies of one browser."""

    netloc: str
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Return status, body and Location of one exchange."""
        self._connection = self._connection or http.client.HTTPConnection(self.netloc, timeout=30)
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        self._connection.request(method, path, body.encode() or None, {**cookie, **(headers or {})})
        response = self._connection.getresponse()
        text = response.read().decode()
        for value in response.headers.get_all("Set-Cookie") or []:
            name, _, rest = value.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return response.status, text, response.headers.get("Location", "")

    def follow(self, method: str, path: str, form: dict[str, str] | None = None) -> str:
        """Return the page at the end of the redirects that stay with us."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        status, text, location = self.send(method, path, urlencode(form or {}), headers)
        while status in {302, 303} and location.startswith("/"):
            status, text, location = self.send("GET", location)
        if status not in {200, 302, 303}:
            raise CannotStart(f"{method} {path} was answered {status}")
        return text


@dataclass(frozen=True)
class Shop:
    """What the load is made with."""

    netloc: str
    key: str
    back: str

    def create(self, line: Line) -> dict[str, Any]:  # a payment, read by key
        """Create one payment."""
        body = json.dumps({"amount": 3500, "reference": "bench", "description": "Certificado", "return_url": self.back})
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        status, text, _ = line.send("POST", "/v1/payments", body, headers)
        if status != 201:
            raise CannotStart(f"create was answered {status}")
        made: dict[str, Any] = json.loads(text)
        return made

    def pay(self) -> None:
        """Walk one payer through: create, open, type the card, confirm."""
        line = Line(self.netloc)
        made = self.create(line)
        page = line.follow("GET", urlsplit(made["_links"]["next_url"]["href"]).path)
        base = f"/card_details/{made['payment_id']}"
        page = line.follow("POST", base, CARD | {"csrf_token": _mark(page)})
        line.follow("POST", f"{base}/confirm", {"csrf_token": _mark(page)})


def _mark(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    if found is None:
        raise CannotStart("a page of the payer has no form")
    return found[1]


def paced(act: Callable[[], object], *, per_second: float, seconds: float, threads: int = 8) -> tuple[float, list[float]]:
    """Act at a steady rate, whatever the answers take; return the rate that was kept and the sorted milliseconds of each.

    A late start counts: what waits in front of a busy server is part of what its caller waits.
    """
    times: list[float] = []
    lock = threading.Lock()
    begun = time.perf_counter()
    total = int(per_second * seconds)
    numbers = iter(range(total))

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            due = begun + number / per_second
            time.sleep(max(0.0, due - time.perf_counter()))
            act()
            with lock:
                times.append((time.perf_counter() - due) * 1000)

    with ThreadPoolExecutor(threads) as pool:
        for one in [pool.submit(work) for _ in range(threads)]:
            one.result()
    return total / (time.perf_counter() - begun), sorted(times)


def percentile(ordered: list[float], part: float) -> float:
    """Return a percentile of sorted values."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


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


FILL = """
INSERT INTO payments (id, account_id, state, amount_minor, currency, reference, description, return_url, language, gateway,
  authorisation_mode, delayed_capture, moto, created_at, updated_at, expires_at)
SELECT lpad(n::text, 26, '0'), %(account)s, 'EXPIRED', 3500, 'CLP', 'REF-' || (n %% 100000), 'Certificado',
  'https://x.example/', 'es', 'sandbox', 'web', false, false, now() - n * interval '1 second', now(), now() - interval '1 day'
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n ON CONFLICT DO NOTHING
"""
FILL_STEP = 200_000


def fill(database_url: str, account_id: str, count: int) -> None:
    """Write many old payments, for searches and proofs over them."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET statement_timeout = 0")
        for first in range(1, count + 1, FILL_STEP):
            last = min(count, first + FILL_STEP - 1)
            connection.execute(FILL, {"account": account_id, "first": first, "last": last})
            connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE payments")


def search_times(shop: Shop, *, rounds: int = 60) -> list[float]:
    """Return the sorted milliseconds of the searches that people make."""
    line, times = Line(shop.netloc), []
    queries = (
        "reference=REF-77",
        "state=success&display_size=50",
        "from_date=2026-01-01T00:00:00Z&display_size=50",
        "email=jose&display_size=50",
    )
    for number in range(rounds):
        begun = time.perf_counter()
        status, _, _ = line.send("GET", "/v1/payments?" + queries[number % len(queries)], headers={"Authorization": f"Bearer {shop.key}"})
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


def main() -> int:
    """Measure pay once, on a fresh sandbox."""
    parser = argparse.ArgumentParser(prog="make bench-pay ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=int, default=15, help="length of each load (default: %(default)s)")
    parser.add_argument("--soak", type=int, default=60, help="seconds at half load (default: %(default)s; the target is 600)")
    parser.add_argument("--payments", type=int, default=600, help="whole payments (default: %(default)s)")
    parser.add_argument("--fill", type=int, default=0, help="old payments to search and prove over, for example 5000000")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--port", type=int, default=18_200)
    options = parser.parse_args()
    try:
        require_wrk()
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            print(bench(Path(folder) / "sandbox", options))
    except CannotStart as fault:
        print(f"bench-pay: {fault}", file=sys.stderr)
        return 1
    return 0


def bench(folder: Path, options: argparse.Namespace) -> str:
    """Return the figures as Markdown."""
    rows: list[tuple[str, str]] = []
    with running.sandbox(folder, options.port) as (document, _, _pid):
        pay = document["pay"]
        shop = Shop(urlsplit(pay["base_url"]).netloc, pay["api_keys"]["load"], f"{document['example']}/back")
        os.environ.update({"SANDBOX_DIR": str(folder), "SANDBOX_PORT": str(options.port)})
        database_url = plans.from_environment().database_url("pay")
        creates = measure(pay_create(document), connections=options.connections, seconds=options.seconds)
        rows.append(("creates", _shown(creates)))
        half, times = paced(lambda: shop.create(_own_line(shop)), per_second=max(1.0, creates.per_second / 2), seconds=options.seconds)
        rows.append(("creates at half load", f"{half:.0f}/s, p50 {statistics.median(times):.1f} ms, p95 {percentile(times, 0.95):.1f} ms"))
        rows.append(
            ("GET by id, captured", _shown(measure(_get(shop, document), connections=options.connections, seconds=options.seconds)))
        )
        whole = whole_payments(shop, database_url, count=options.payments, threads=options.connections)
        rows.append(
            (
                "whole payments, to the last webhook",
                f"{whole.per_second:.1f}/s ({whole.walked_per_second:.1f}/s walked, {whole.undelivered} left)",
            )
        )
        kept, times = paced(shop.pay, per_second=max(0.5, whole.per_second / 2), seconds=options.soak)
        rows.append((f"whole payments at half load, {options.soak} s", f"{kept:.1f}/s, p95 {percentile(times, 0.95):.0f} ms"))
        if options.fill:
            fill(database_url, _account_of(database_url, "Medición de carga"), options.fill)
            times = search_times(shop)
            rows.append((f"search over {options.fill}", f"p50 {statistics.median(times):.1f} ms, p95 {percentile(times, 0.95):.1f} ms"))
        said, seconds, mib = prove_books(folder, options.port)
        rows.append(("proof of the books", f"{said}: {seconds:.1f} s, {mib:.0f} MiB"))
    return "\n".join(["| pay | measured |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


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


def _account_of(database_url: str, service_name: str) -> str:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT id FROM gateway_accounts WHERE service_name = %s", (service_name,)).fetchone()
    if row is None:
        raise CannotStart("the account for measuring is not there")
    return str(row[0])


def _shown(measured: Measured) -> str:
    return f"{measured.per_second:.0f}/s, p50 {measured.p50_ms:.1f} ms, p95 {measured.p95_ms:.1f} ms, {measured.wrong} wrong"


if __name__ == "__main__":
    sys.exit(main())
