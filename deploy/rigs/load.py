"""`python -m deploy.rigs`: requests come when the profile says, whether or not the last were answered; then the books.

Times are counted from the moment a request was due, so that a server which stands still is not flattered.
"""

import contextlib
import http.client
import itertools
import queue
import random
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from deploy.bench import targets
from deploy.bench.load import Target
from deploy.rigs.profiles import Profile

SENDERS = 32
PATIENCE_SECONDS = 30.0
SEED = 1
RENEW_SECONDS = 20.0


@dataclass
class Kind:
    """What became of one kind of requests."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    lost: int = 0

    def percentile(self, share: float) -> float:
        """The time that this share of the right answers took at most."""
        ordered = sorted(self.milliseconds)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else 0.0


@dataclass
class Run:
    """A run: what was sent and how it was answered, by kind; `late` counts requests that no sender was free for in time."""

    profile: str
    seconds: float
    kinds: dict[str, Kind] = field(default_factory=dict)
    late: int = 0

    @property
    def sent(self) -> int:
        """All requests."""
        return sum(sum(kind.statuses.values()) + kind.lost for kind in self.kinds.values())

    @property
    def wrong(self) -> int:
        """Refusals of what is right, faults, and no answer at all.  A 429 or 503 with a time to wait is no fault: it is an answer."""
        bad = (
            count for kind in self.kinds.values() for status, count in kind.statuses.items() if status >= 400 and status not in (429, 503)
        )
        return sum(bad) + sum(kind.lost for kind in self.kinds.values())


def begin(name: str, profile: Profile, seconds: float = 0.0) -> Run:
    """Return a run in which nothing was sent yet."""
    return Run(name, seconds, {kind: Kind() for kind in profile.mix})


Make = Callable[[], Mapping[str, Target]]
"""Makes requests that are good for half a minute at least."""


def requests_of(sandbox: dict[str, Any], profile: Profile) -> Make:  # Any: sandbox.json, read by key
    """Return what makes the requests of a profile, as many with ids of their own as it sends until they are made anew."""
    most = max(profile.rate(step / 100) for step in range(101)) * max(profile.mix.values()) / sum(profile.mix.values())
    return lambda: targets.for_load(sandbox, int(most * RENEW_SECONDS * 2) + 100)


class _Stock:
    """Prepared requests: tokens and proofs in them end, so they are made anew before that."""

    def __init__(self, make: Make) -> None:
        self._make, self._over, self._lock = make, threading.Event(), threading.Lock()
        self._renew()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def take(self, kind: str) -> tuple[Target, bytes]:
        """Return the next request of a kind."""
        with self._lock:
            return self._targets[kind], next(self._requests[kind])

    def close(self) -> None:
        """Make no more."""
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            with contextlib.suppress(Exception):  # identity is away just now, as a fault may want it: the old ones do for a while
                self._renew()

    def _renew(self) -> None:
        made = self._make()
        requests = {kind: itertools.cycle(target.requests) for kind, target in made.items()}
        with self._lock:
            self._targets, self._requests = made, requests


def send(outcome: Run, profile: Profile, make: Make, seconds: float) -> None:
    """Send what the profile says for so many seconds, and add what comes of it to the run."""
    waiting: queue.Queue[tuple[float, str] | None] = queue.Queue()
    stock, lock = _Stock(make), threading.Lock()
    senders = [threading.Thread(target=_send, args=(waiting, stock, outcome, lock)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for due, kind in _arrivals(profile, seconds):
        ahead = due - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        waiting.put((due, kind))
    for _ in senders:
        waiting.put(None)
    for sender in senders:
        sender.join()
    stock.close()


def _arrivals(profile: Profile, seconds: float) -> Iterator[tuple[float, str]]:
    """(moment, kind) of each request, at random as people come: the same in each run."""
    chance = random.Random(SEED)  # noqa: S311 - a made-up crowd
    kinds, weights = list(profile.mix), list(profile.mix.values())
    began, at = time.monotonic(), 0.0
    while at < seconds:
        at += chance.expovariate(max(profile.rate(at / seconds), 0.1))
        yield began + at, chance.choices(kinds, weights)[0]


def _send(waiting: "queue.Queue[tuple[float, str] | None]", stock: _Stock, outcome: Run, lock: threading.Lock) -> None:
    connections: dict[str, http.client.HTTPConnection] = {}
    while (item := waiting.get()) is not None:
        due, name = item
        target, raw = stock.take(name)
        with lock:
            outcome.late += time.monotonic() - due > 1.0
        status = _exchange(connections, target, raw)
        with lock:
            kind = outcome.kinds[name]
            if status is None:
                kind.lost += 1
                continue
            kind.statuses[status] = kind.statuses.get(status, 0) + 1
            if status in target.right:
                kind.milliseconds.append((time.monotonic() - due) * 1000)
    for connection in connections.values():
        connection.close()


def _exchange(connections: dict[str, http.client.HTTPConnection], target: Target, raw: bytes) -> HTTPStatus | int | None:
    """Send one prepared request over this sender's connection; its status, None where there was no answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines if not line.lower().startswith(("host:", "content-length:")))
    place = urlsplit(target.origin).netloc
    if place in connections and _is_over(connections[place]):
        connections.pop(place).close()
    connection = connections.setdefault(place, http.client.HTTPConnection(place, timeout=PATIENCE_SECONDS))
    try:
        connection.request(method, path, body=body or None, headers=headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connections.pop(place).close()
        return None
    return answer.status


def _is_over(connection: http.client.HTTPConnection) -> bool:
    """Whether the server has closed a connection that was kept, as every client asks before it uses one again."""
    if connection.sock is None:
        return False
    readable, _, _ = select.select([connection.sock], [], [], 0)
    return bool(readable)
