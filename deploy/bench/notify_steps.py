"""What is measured of notify, step by step: each yields its figures as (what, measured)."""

import argparse
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import httpx
import redis
from sqlalchemy import delete, func, insert, select, text, update

from deploy.bench import notify_rows, running, targets
from deploy.bench.crowds import spread, steady, timed
from deploy.bench.load import Target, measure
from deploy.bench.notify_callers import PATIENCE_SECONDS, PERSONALISATION, Caller, signal_all, until
from deploy.bench.sinks import HOST, HTTP_OFFSET
from deploy.errors import CannotStart
from deploy.sandbox import plan as plans
from deploy.serving import create_context
from notify.context import Notify
from notify.models import Service
from notify.models.callback import ServiceCallback
from notify.models.notification import Notification
from notify.models.team import OPERATOR, Member
from notify.operations.sent import Wanted, list_sent
from notify.operations.services import create_api_key, register_service
from notify.operations.templates import TemplateText, save_template
from notify.standards.statuses import Channel

NO_LIMIT = 100_000_000

STEADY_PER_SECOND = 50
OTHERS_PER_SECOND = 10
IN_TIME = timedelta(seconds=10)
LIST_READS = 60
FLOOD_ROWS = 2_000
FLOOD_SECONDS = 20
"""Of one go of wrk, whose token is good for no more than a minute."""
ACTOR = "bench"

Rows = Iterator[tuple[str, str]]


@dataclass
class Rig:
    """A running sandbox; `document` is notify's part of sandbox.json."""

    document: dict[str, Any]
    folder: Path
    pid: int
    options: argparse.Namespace

    @cached_property
    def notify(self) -> Notify:
        """The context of notify in this process, on the sandbox's engines."""
        os.environ.update(plans.from_environment().environment("notify"))
        found = create_context("notify")
        if not isinstance(found, Notify):
            raise CannotStart("this is not notify")
        return found

    @cached_property
    def live(self) -> Caller:
        """The seeded service with its live key."""
        return Caller(self.document["base_url"], self.document["api_keys"]["live"])

    @property
    def service_id(self) -> uuid.UUID:
        """The seeded service."""
        return uuid.UUID(self.document["service_id"])

    def lift_limits(self) -> None:
        """Take the rate and daily limits off, so that the machine is what is measured; callbacks go to the sink."""
        with self.notify.db.begin() as connection:
            connection.execute(update(Service).values(rate_per_minute=NO_LIMIT, daily_sms=NO_LIMIT, daily_email=NO_LIMIT))
            connection.execute(update(ServiceCallback).values(url=f"http://{HOST}:{self.options.port + HTTP_OFFSET}/told"))
        time.sleep(3)  # the web process knows it from now on

    def delivered(self) -> Rows:
        """Bulk jobs from the POST to the last receipt and to the last callback; the same without callbacks."""
        yield from (self._deliver(channel, told=True) for channel in ("sms", "email"))
        kept = select(ServiceCallback.__table__).where(ServiceCallback.service_id == self.service_id)
        with self.notify.db.begin() as connection:
            callbacks = [dict(row._mapping) for row in connection.execute(kept)]
            connection.execute(delete(ServiceCallback).where(ServiceCallback.service_id == self.service_id))
        time.sleep(3)
        yield from (self._deliver(channel, told=False) for channel in ("sms", "email"))
        with self.notify.db.begin() as connection:
            connection.execute(insert(ServiceCallback), callbacks)
        time.sleep(3)

    def _deliver(self, channel: str, *, told: bool) -> tuple[str, str]:
        self.drain()
        number, before = self.options.messages, self._sink()["told"]
        began = time.monotonic()
        made = self._job(channel, number)
        taken = time.monotonic() - began
        until(lambda: self._job_statuses(made).get("delivered", 0) == number, f"{channel}: not all were delivered")
        seconds = time.monotonic() - began
        found = f"{number / seconds:.0f}/s (job taken in {taken:.2f} s, all in {seconds:.1f} s)"
        if told:
            until(lambda: self._sink()["told"] - before >= number, f"{channel}: the service was not told of all")
            seconds = time.monotonic() - began
            found += f"; the service told of each: {number / seconds:.0f}/s (all in {seconds:.1f} s)"
        return f"{number} messages by {channel} from end to end, receipts processed{'' if told else ', no callback set'}", found

    def _job(self, channel: str, number: int) -> str:
        column, to = {"sms": ("phone number", "07900{}".format), "email": ("email address", "p{}@example.com".format)}[channel]
        people = ((to(900_000 + n % 100_000), *PERSONALISATION.values()) for n in range(number))
        lines = "\n".join(";".join(cells) for cells in [(column, *PERSONALISATION), *people])
        path = f"/v2/notifications/bulk?template_id={self.document['templates'][channel]}"
        return str(self.live.post(path, lines.encode(), "text/csv")["id"])

    def _job_statuses(self, job_id: str) -> dict[str, int]:
        statuses: dict[str, int] = self.live.get(f"/v2/notifications/bulk/{job_id}")["statuses"]
        return statuses

    def accepted(self) -> Rows:
        """POST texts at full load, with a test key and with a live one, whose texts are delivered meanwhile."""
        for kind in ("test", "live"):
            found = measure(self.target(kind), connections=self.options.connections, seconds=self.options.seconds)
            times = f"p50 {found.p50_ms:.1f} ms, p95 {found.p95_ms:.1f} ms, p99 {found.p99_ms:.1f} ms"
            yield f"POST SMS, {kind} key, {self.options.connections} connections", f"{found.per_second:.0f}/s, {times}, {found.wrong} wrong"

    def target(self, kind: str) -> Target:
        """Texts by POST with one kind of key, whose token is good for half a minute."""
        made = targets.notify_sms({"notify": {**self.document, "api_keys": {"test": self.document["api_keys"][kind]}}})
        return Target(f"POST SMS, {kind} key", made.origin, made.requests, made.right)

    def paced(self) -> Rows:
        """POST texts at a steady rate with a live key."""
        self.drain()
        found = steady(self._text, per_second=self.options.rate, seconds=self.options.seconds, threads=32)
        yield (
            f"POST SMS, live key, {self.options.rate}/s",
            f"{found.per_second:.0f}/s kept, {spread(found.milliseconds)}, {self.live.wrong} wrong, {found.answers['lost']} lost",
        )

    def steady(self) -> Rows:
        """3,000 texts a minute for a while: which share was handed over within ten seconds."""
        self.drain()
        wrong, began = self.live.wrong, self.notify.clock.now()
        steady(self._text, per_second=STEADY_PER_SECOND, seconds=self.options.minutes * 60, threads=32)
        self.drain()
        all_of_them, in_time, p95 = self._handed_over(self.service_id, began)
        share = (
            f"{in_time / max(1, all_of_them):.2%} of {all_of_them} within 10 s, p95 {p95:.2f} s, {self.live.wrong - wrong} wrong answers"
        )
        yield f"3,000 texts a minute for {self.options.minutes} min, handed over", share

    def job(self) -> Rows:
        """A large job, while another service sends a few texts a second."""
        self.drain()
        other, template_id, service_id = self._other_service()

        def once() -> tuple[list[float], float]:
            since = self.notify.clock.now()
            found = steady(lambda _: other.text(template_id), per_second=OTHERS_PER_SECOND, seconds=self.options.seconds)
            return found.milliseconds, self._handed_over(service_id, since)[2]

        quiet, quiet_handed = once()
        began = time.monotonic()
        job_id = self._job("sms", self.options.job_rows)
        taken, busy, handed = time.monotonic() - began, list[float](), list[float]()
        while sum(n for status, n in self._job_statuses(job_id).items() if status != "created") < self.options.job_rows:
            times, p95 = once()
            busy, handed = busy + times, [*handed, p95]
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise CannotStart("the job did not end")
        yield f"job of {self.options.job_rows} texts", f"taken in {taken:.1f} s, all handed over in {time.monotonic() - began:.0f} s"
        during = f"quiet {spread(quiet)}; meanwhile {spread(busy)}; {other.wrong} wrong"
        yield f"another service's POST at {OTHERS_PER_SECOND}/s", during
        worst = max(handed, default=0.0)
        yield "its texts handed over, p95", f"quiet {quiet_handed:.2f} s; meanwhile {worst:.2f} s in the worst {self.options.seconds} s"

    def _other_service(self) -> tuple[Caller, str, uuid.UUID]:
        service_id, template_id = uuid.uuid4(), uuid.uuid4()
        register_service(self.notify, service_id, name="Otra oficina", restricted=False, actor=ACTOR)
        key = create_api_key(self.notify, service_id, name="otra", kind="normal", actor=ACTOR)
        words = TemplateText(channel=Channel.SMS, name="Aviso", body="Hola ((name)), su trámite ((reference)) está listo.")
        save_template(self.notify, service_id, template_id, words, actor=ACTOR)
        self.lift_limits()
        return Caller(self.document["base_url"], key.text), str(template_id), service_id

    def recovery(self) -> Rows:
        """Many wait, Valkey is emptied, the workers are killed: how long until all went out, and was any sent twice."""
        self.drain()
        number, began = self.options.waiting, self.notify.clock.now()
        before = self._sink()
        workers = [int(json.loads(file.read_text())["pid"]) for file in (self.folder / "run").glob("notify-worker*.json")]
        signal_all(workers, signal.SIGSTOP)
        while self._waiting() < number:
            measure(self.target("live"), connections=self.options.connections, seconds=min(5, self.options.seconds))
        waiting = self._waiting()
        redis.Redis.from_url(plans.from_environment().redis_url("notify")).flushall()
        signal_all(workers, signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: self._waiting() < waiting, "nothing was handed over")
        first = time.monotonic() - killed
        until(lambda: self._waiting() <= waiting // 100, "nearly all was not handed over")
        most = time.monotonic() - killed
        until(lambda: not self._waiting(), "not all were handed over")
        seconds, accepted = time.monotonic() - killed, self._handed_over(self.service_id, began)[0]
        after = self._sink()
        repeats = after["repeats"] - before["repeats"]
        sent = after["texts"] - before["texts"] - repeats
        out = f"first out after {first:.1f} s, 99 % after {most:.0f} s, all after {seconds:.0f} s"
        went = f"{sent} of {accepted} reached the network, {repeats} came to it twice under one reference"
        yield f"{waiting} texts wait, Valkey emptied, workers killed", f"{out}; {went}"

    def memory(self) -> Rows:
        """Memory while many texts go through: some by jobs, with receipts and callbacks, and meanwhile most by POST with a test key."""
        done, marks = 0, 0
        while done < self.options.flood:
            self._job("sms", FLOOD_ROWS)
            found = measure(self.target("test"), connections=self.options.connections, seconds=FLOOD_SECONDS)
            done += FLOOD_ROWS + round(found.per_second * FLOOD_SECONDS)
            self.drain()
            if done * 10 // self.options.flood > marks or not marks:
                marks = max(1, done * 10 // self.options.flood)
                weighed = running.memory_mib(self.pid)
                yield f"memory after {done} texts", ", ".join(f"{kind} {mib:.0f} MiB" for kind, mib in weighed.items())

    def lists(self) -> Rows:
        """Pages of the list over very many messages: the newest, an old one, the failed, one by reference; staff searching."""
        began = time.perf_counter()
        url = plans.from_environment().database_url("notify")
        newest = self.notify.clock.now() - timedelta(hours=1)
        notify_rows.fill(self.notify, url, self.service_id, self.document["templates"], self.options.rows, newest=newest)
        yield f"{self.options.rows} messages written in bulk", f"{time.perf_counter() - began:.0f} s"
        path = "/v2/notifications?include_jobs=true"
        failed = self.live.get(f"{path}&status=failed")["notifications"]
        old = self._old_one()
        pages = {
            "the newest": path,
            "far back": f"{path}&older_than={old}",
            "the failed": f"{path}&status=failed",
            "the failed, next page": f"{path}&status=failed&older_than={failed[-1]['id']}" if failed else path,
            "letters": f"{path}&template_type=letter",
            "one reference": f"{path}&reference=REF-{self.options.rows // 2}",
        }
        for words, page in pages.items():
            yield f"GET a page of 250 of {self.options.rows}: {words}", _read(partial(self.live.get, page))
        staff = Member("bench", "Bench", (OPERATOR,))
        for words, wanted in {"one recipient": Wanted(recipient="p9@example.com"), "failed e-mails": Wanted("email", "failed")}.items():
            looked = _read(partial(list_sent, self.notify, staff, self.service_id, wanted))
            yield f"staff's page of 50 of {self.options.rows}: {words}", looked

    def _old_one(self) -> uuid.UUID:
        oldest = select(Notification.id).where(Notification.service_id == self.service_id, Notification.key_kind == "normal")
        with self.notify.db.begin() as connection:
            found = connection.execute(oldest.order_by(Notification.created_at, Notification.id).offset(500).limit(1)).scalar()
        if found is None:
            raise CannotStart("--rows must be more than 500")
        return found

    def _text(self, _thread: int) -> None:
        self.live.text(self.document["templates"]["sms"])

    def drain(self) -> None:
        """Wait until all that was accepted has been handed over and told."""
        outbox = text("SELECT count(*) FROM outbox WHERE due_at < now() + interval '1 minute' AND payload <> '{}'")  # {}: what is periodic
        until(lambda: not self._waiting(), "not all were handed over")
        with self.notify.db.engine.connect() as connection:
            until(lambda: not connection.execute(outbox).scalar_one(), "not all was told")

    def _waiting(self) -> int:
        with self.notify.db.begin() as connection:
            return connection.execute(select(func.count()).where(Notification.status == "created")).scalar_one()

    def _handed_over(self, service_id: uuid.UUID, since: datetime) -> tuple[int, int, float]:
        """Return how many were accepted, how many of them left within ten seconds, and the 95th percentile of the wait in seconds."""
        table = Notification
        wait = func.extract("epoch", table.sent_at - table.created_at)
        in_time = func.count().filter(table.sent_at - table.created_at <= IN_TIME)
        wanted = select(func.count(), in_time, func.percentile_disc(0.95).within_group(wait))
        with self.notify.db.begin() as connection:
            row = connection.execute(wanted.where(table.service_id == service_id, table.created_at >= since)).one()
        return int(row[0]), int(row[1]), float(row[2] or 0)

    def _sink(self) -> dict[str, int]:
        counts: dict[str, int] = httpx.get(f"http://{HOST}:{self.options.port + HTTP_OFFSET}/counts").raise_for_status().json()
        return counts


def _read(act: Callable[[], object]) -> str:
    return spread([timed(act) for _ in range(LIST_READS)])
