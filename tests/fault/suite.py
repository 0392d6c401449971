"""The suite under a fault test: kill its programs, hold its tables, look into its databases as their superuser."""

import contextlib
import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import redis
from psycopg import sql

from deploy import cli
from deploy.journey.facts import Sandbox
from deploy.sandbox.plan import Plan, load_or_make
from deploy.sandbox.ports import Ports
from deploy.sandbox.programs import http_probe
from deploy.services import SERVICES
from deploy.system import process_birth, wait_until
from tests.sandboxes import RunningSandbox

RECOVERY_SECONDS = 90.0
LOOK_SECONDS = 0.1
CALL_SECONDS = 30.0


def until(condition: Callable[[], bool], what: str, *, seconds: float = RECOVERY_SECONDS, pause: float = LOOK_SECONDS) -> None:
    """Wait for something that must come, and say what did not; a question that costs much is asked less often."""
    assert wait_until(condition, seconds, pause_seconds=pause), f"{what}: not within {seconds:.0f} s"


def until_none(left: Callable[[], int], what: str, *, pause: float) -> None:
    """Wait until nothing is left, however long a slow machine takes; fail where nothing moves any more."""
    least = left()
    while least:
        seen = least
        until(lambda seen=seen: left() < seen, f"{what}: {seen} left, and it goes on", pause=pause)  # type: ignore[misc] # the default pins the loop's value
        least = left()


@dataclass
class Death:
    """Programs that were killed at a moment, by the pids they had."""

    suite: "Suite"
    pids: Mapping[str, int]
    at: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long ago it was."""
        return time.monotonic() - self.at

    def recovered(self) -> float:
        """Seconds until every one of them was back and ready."""
        for name, pid in self.pids.items():
            until(lambda name=name, pid=pid: self.suite.is_back(name, pid), f"{name} is back")  # type: ignore[misc] # the defaults pin the loop's values
        return self.seconds


class Suite(RunningSandbox):
    """A running sandbox that may be broken: nobody but fault tests uses it, one at a time."""

    @cached_property
    def plan(self) -> Plan:
        """Addresses and keys."""
        return load_or_make(self.folder, Ports(self.base_port))

    @cached_property
    def http(self) -> httpx.Client:
        """A program's HTTP client, for as many threads as like."""
        return httpx.Client(timeout=CALL_SECONDS)

    def close(self) -> None:
        """Let go of connections."""
        self.http.close()

    @cached_property
    def sandbox(self) -> Sandbox:
        """What sandbox.json says, as the journey's clients read it."""
        return Sandbox(self.facts)

    def url(self, service: str) -> str:
        """Base address of a service."""
        return self.sandbox.text(service, "base_url")

    def pid(self, program: str) -> int:
        """The process that is the leader of a program's group now."""
        return int(json.loads((self.folder / "run" / f"{program}.json").read_text())["pid"])

    def kill(self, *programs: str) -> Death:
        """Kill programs with all they have forked, as the kernel would when memory runs out: nobody is asked first."""
        death = Death(self, {name: self.pid(name) for name in programs})
        for pid in death.pids.values():
            os.killpg(pid, signal.SIGKILL)
        return death

    @contextlib.contextmanager
    def frozen(self, program: str) -> Iterator[None]:
        """While the block runs the program stands still: it neither answers nor dies."""
        pid = self.pid(program)
        os.killpg(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(pid, signal.SIGCONT)

    def is_back(self, program: str, killed: int) -> bool:
        """Whether another process than the killed one runs the program and is ready."""
        try:
            now = self.pid(program)
        except (OSError, ValueError):
            return False  # the file is being written
        return now != killed and process_birth(now) is not None and self.is_ready(program)

    def is_ready(self, program: str) -> bool:
        """Whether a program says that it is ready."""
        if program in SERVICES:
            return http_probe(self.plan.ports.of(program), "/readyz")()
        if program == "postgres":
            return _answers(lambda: self.row("identity", "SELECT 1"))
        if program == "valkey":
            return _answers(self.ping)
        return (self.folder / "run" / f"{program}.ready").exists()

    def ping(self) -> None:
        """Raises: RedisError while the queue is away."""
        with redis.Redis.from_url(self.plan.redis_url("notify"), socket_timeout=1) as client:
            client.ping()

    def database(self, name: str) -> str:
        """Address of a database as the superuser."""
        return urlunsplit(urlsplit(self.plan.engines.admin_url)._replace(path=f"/{name}"))

    def rows(self, service: str, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds in the database of a service."""
        with psycopg.connect(self.database(service), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def row(self, service: str, query: str, *values: object) -> tuple[Any, ...]:
        """The one row that a query finds."""
        [found] = self.rows(service, query, *values)
        return found

    @contextlib.contextmanager
    def held(self, service: str, table: str) -> Iterator[None]:
        """While the block runs nobody can write to a table: who tries stands there, in the middle of what they were doing."""
        with psycopg.connect(self.database(service)) as connection:
            connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.Identifier(table)))
            yield
            connection.rollback()

    def is_waited_for(self, service: str, table: str) -> bool:
        """Whether somebody stands before a held table."""
        return bool(self.row(service, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", table)[0])

    def wait_well(self) -> None:
        """Wait until every program is ready."""
        for name in (*SERVICES, *(f"{service}-worker" for service in SERVICES), "relay", "postgres", "valkey"):
            until(lambda name=name: self.is_ready(name), f"{name} is ready")  # type: ignore[misc] # the default pins the loop's value

    def wait_idle(self) -> None:
        """Wait until no job is due or under way: what an earlier test left to do would stand before the provider that this one freezes."""
        busy = "SELECT count(*) FROM outbox WHERE state = 'waiting' AND (published OR runner IS NOT NULL OR due_at <= now())"
        for service in SERVICES:
            until_none(lambda service=service: int(self.row(service, busy)[0]), f"{service} has nothing to do", pause=LOOK_SECONDS)  # type: ignore[misc] # the default pins the loop's value

    def verify(self, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        """`andamio audit verify --json`: its exit status, and what it says of each log.  Run here, to save a process its imports."""
        before, said = dict(os.environ), io.StringIO()
        os.environ.update({**self.environment, **(environment or {})})
        try:
            with contextlib.redirect_stdout(said):
                status = cli.main(["audit", "verify", "--json", *arguments])
        finally:
            os.environ.clear()
            os.environ.update(before)
        return status, json.loads(said.getvalue())

    def messages(self, channel: str, since: str) -> list[dict[str, Any]]:
        """What the outside world received on a channel since a moment."""
        answer = self.http.get(f"{self.facts['inbox']}/api/messages", params={"channel": channel, "since": since})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["messages"]
        return found


def _answers(question: Callable[[], object]) -> bool:
    try:
        question()
    except (psycopg.Error, redis.RedisError):
        return False
    return True


def suite_at(running: RunningSandbox) -> Suite:
    """The same sandbox, to be broken."""
    return Suite(Path(running.folder), running.base_port)
