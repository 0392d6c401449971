"""`make bench-notify`: how many messages a second notify accepts, hands over and sees delivered, on a sandbox of its own.

Everything shares the machine's cores: load, web processes, workers, relay, PostgreSQL, Valkey, and sinks that take the messages
over SMTP and HTTP, send receipts back, and are told by callback what became of each.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import update

from deploy.bench import running, targets
from deploy.bench.load import Measured, Target, measure, require_wrk
from deploy.bench.sinks import HOST, sinks
from deploy.errors import CannotStart
from deploy.sandbox import plan as plans
from deploy.serving import create_context
from notify.models import Service
from notify.models.callback import ServiceCallback
from notify.standards.service_jwt import sign

NO_LIMIT = 100_000_000
SMTP_OFFSET, HTTP_OFFSET = 40, 41
DELIVERY_SECONDS_MAX = 600
LIST_READS = 60


@dataclass(frozen=True)
class Delivered:
    """A bulk job from the POST to its last receipt."""

    channel: str
    messages: int
    accept_seconds: float
    seconds: float

    @property
    def per_second(self) -> float:
        """Messages a second from end to end."""
        return self.messages / self.seconds


def main() -> int:
    """Run every measurement once and print the figures as Markdown."""
    parser = argparse.ArgumentParser(prog="make bench-notify ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="length of each load (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=32, help="open connections (default: %(default)s)")
    parser.add_argument("--messages", type=int, default=3000, help="messages that are delivered from end to end (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="web processes, and workers, of each service (default: %(default)s)")
    parser.add_argument("--port", type=int, default=18_100, help="base port of the sandbox that is measured (default: %(default)s)")
    options = parser.parse_args()
    try:
        require_wrk()
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            plan = prepare(Path(folder) / "sandbox", options.port, options.processes)
            ports = (options.port + SMTP_OFFSET, options.port + HTTP_OFFSET)
            with sinks(*ports), running.sandbox(plan.folder, options.port) as (document, _, _pid):
                lift_limits(ports[1])
                delivered = [deliver(document["notify"], channel, options.messages) for channel in ("sms", "email")]
                listed = read_lists(document["notify"])
                loads = [
                    measure(target, connections=options.connections, seconds=options.seconds)
                    for target in (accept(document, "test"), accept(document, "live"))
                ]
    except CannotStart as fault:
        print(f"bench-notify: {fault}", file=sys.stderr)
        return 1
    print(render(loads, delivered, listed, options))
    return 0


def prepare(folder: Path, port: int, processes: int) -> plans.Plan:
    """Say by the environment what the sandbox is made of: so many processes, and notify's messages go to the sinks."""
    os.environ.update({"SANDBOX_DIR": str(folder), "SANDBOX_PORT": str(port), "SANDBOX_PROCESSES": str(processes)})
    plan = plans.from_environment()
    sink = f"{HOST}:{port + HTTP_OFFSET}"
    hosts = plan.environment("notify")["NOTIFY_OUTBOUND_PRIVATE_HOSTS"]
    os.environ["SANDBOX_NOTIFY_SMTP_PORT"] = str(port + SMTP_OFFSET)
    os.environ["SANDBOX_NOTIFY_SMS_GATEWAY_URL"] = f"http://{sink}/texts"
    os.environ["SANDBOX_NOTIFY_OUTBOUND_PRIVATE_HOSTS"] = f"{hosts},{sink}"
    return plan


def lift_limits(http_port: int) -> None:
    """Take the rate and daily limits off, so that the machine is what is measured; callbacks go to the sink."""
    os.environ.update(plans.from_environment().environment("notify"))
    notify = create_context("notify")
    with notify.db.begin() as connection:
        connection.execute(update(Service).values(rate_per_minute=NO_LIMIT, daily_sms=NO_LIMIT, daily_email=NO_LIMIT))
        connection.execute(update(ServiceCallback).values(url=f"http://{HOST}:{http_port}/told"))
    notify.close()
    time.sleep(3)  # the web process knows it from now on


def accept(document: dict[str, Any], kind: str) -> Target:  # sandbox.json, read by key
    """POST a text with a key of one type; a live one is delivered meanwhile."""
    key = document["notify"]["api_keys"][kind]
    made = targets.notify_sms({"notify": {**document["notify"], "api_keys": {"test": key}}})
    return Target(f"POST SMS, {kind} key", made.origin, made.requests, made.right)


def deliver(notify: dict[str, Any], channel: str, number: int) -> Delivered:  # the part of sandbox.json
    """Hand in one bulk job and wait until each of its messages has its receipt.  Raises: CannotStart."""
    column = {"sms": "phone number", "email": "email address"}[channel]
    shared = {"name": "Camila", "reference": "A-1", "amount": "$3.500", "date": "21 de noviembre de 2026"}
    people = [{column: f"07900{900_000 + n}" if channel == "sms" else f"p{n}@example.com", **shared} for n in range(number)]
    body = {"template_id": notify["templates"][channel], "rows": people}
    url = notify["base_url"] + "/v2/notifications/bulk"
    began = time.monotonic()
    made = httpx.post(url, json=body, headers=_headers(notify), timeout=60).raise_for_status().json()
    accepted = time.monotonic()
    while time.monotonic() - began < DELIVERY_SECONDS_MAX:
        job = httpx.get(f"{url}/{made['id']}", headers=_headers(notify), timeout=60).raise_for_status().json()
        if job["statuses"].get("delivered", 0) == number:
            return Delivered(channel, number, accepted - began, time.monotonic() - began)
        time.sleep(0.2)
    raise CannotStart(f"{channel}: not all were delivered: {job['statuses']}")


def read_lists(notify: dict[str, Any]) -> float:  # likewise
    """Give the 95th percentile of reading a page of the list, in milliseconds."""
    url = notify["base_url"] + "/v2/notifications?include_jobs=true"
    taken = []
    with httpx.Client(headers=_headers(notify)) as client:
        for _ in range(LIST_READS):
            began = time.perf_counter()
            client.get(url).raise_for_status()
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(taken, n=20)[-1]


def _headers(notify: dict[str, Any]) -> dict[str, str]:  # likewise
    key = notify["api_keys"]["live"]
    return {"Authorization": f"Bearer {sign(key[-73:-37], key[-36:], time.time())}"}


def render(loads: list[Measured], delivered: list[Delivered], listed: float, options: argparse.Namespace) -> str:
    """Return the figures as Markdown."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; {time.strftime('%Y-%m-%d')}"
    lines = [
        f"Machine: {machine}. {options.processes} web processes and as many workers a service,",
        f"{options.connections} connections, {options.seconds} s a load.",
        "",
        "| accepted and committed | right answers/s | p50 ms | p95 ms | p99 ms | wrong |",
        "|---|---:|---:|---:|---:|---:|",
        *(f"| {m.name} | {m.per_second:.0f} | {m.p50_ms:.1f} | {m.p95_ms:.1f} | {m.p99_ms:.1f} | {m.wrong} |" for m in loads),
        "",
        "| delivered from end to end, receipts processed | messages | job taken in s | all in s | messages/s |",
        "|---|---:|---:|---:|---:|",
        *(f"| {d.channel} | {d.messages} | {d.accept_seconds:.2f} | {d.seconds:.1f} | {d.per_second:.0f} |" for d in delivered),
        "",
        f"GET a page of 250 notifications, p95: {listed:.0f} ms.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
