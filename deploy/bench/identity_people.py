"""Loads of people for `make bench-identity`: sign-ins whole and without the hash, code exchanges, and far too many at once."""

import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from urllib.parse import urlsplit

from argon2 import PasswordHasher

from deploy.bench.crowds import Act, Steady, closed_loop, steady
from deploy.bench.identity_servers import Server, assertions
from deploy.bench.load import Measured, raw_request
from deploy.bench.visitors import Filled, Visitor
from deploy.bench.wire import Wire
from identity.providers.password_hasher import MEMORY_KIB, PARALLELISM, TIME_COST

CODE_SECONDS_MAX = 40
"""Codes are collected for so long at most: they live for 60 seconds."""
LOGINS_AT_ONCE = 8
"""More at once would be turned away now and then: that is what the overload is for."""
OVERLOAD = 10
OVERLOAD_THREADS = 200
BUSY = 503
PROBES_PER_SECOND = 25


@contextmanager
def _crowd(server: Server, many: int, *, signed_in: bool) -> Iterator[list[Visitor]]:
    """So many browsers, which have been here before: their first sign-in is not measured."""
    visitors = server.visitors(many)
    for visitor in visitors if signed_in else visitors[: len(server.people)]:
        visitor.sign_in()
    try:
        yield visitors
    finally:
        for visitor in visitors:
            visitor.leave()


def whole_logins(server: Server, many: int, seconds: float) -> Measured:
    """From the service to the sign-in page, through it, and back with a code that is redeemed."""
    with _crowd(server, min(many, LOGINS_AT_ONCE), signed_in=True) as visitors:
        acts: list[Act] = [partial(_sign_in, visitor) for visitor in visitors]
        return closed_loop("whole logins", acts, seconds)


def signed_in(server: Server, many: int, seconds: float) -> Measured:
    """All of a login but the page and the password: who is signed in already gets a code, and it is redeemed."""
    with _crowd(server, many, signed_in=True) as visitors:
        acts: list[Act] = [partial(_authorize, visitor) for visitor in visitors]
        return closed_loop("logins without page and hash", acts, seconds)


def code_exchanges(server: Server, many: int, seconds: float) -> Measured:
    """Codes are collected first; then they are redeemed as fast as it goes, until the time or the codes are over."""
    codes: deque[str] = deque()

    def collect(visitor: Visitor) -> None:
        codes.append(visitor.authorize())

    def redeem(visitor: Visitor) -> None:
        try:
            code = codes.popleft()
        except IndexError:
            raise StopIteration from None
        visitor.redeem(code)

    with _crowd(server, many, signed_in=True) as visitors:
        collecting: list[Act] = [partial(collect, visitor) for visitor in visitors]
        closed_loop("", collecting, min(CODE_SECONDS_MAX, 3 * seconds))
        redeeming: list[Act] = [partial(redeem, visitor) for visitor in visitors]
        return closed_loop("code exchanges", redeeming, seconds)


def hashes_per_second(seconds: float) -> float:
    """How many passwords all cores can hash when they do nothing else, with the parameters of the service."""
    hasher = PasswordHasher(TIME_COST, MEMORY_KIB, PARALLELISM)
    acts: list[Act] = [partial(_hash, hasher)] * (os.cpu_count() or 1)  # it lets other threads run
    return closed_loop("hashes", acts, seconds).per_second


@dataclass(frozen=True)
class Overload:
    """Sign-ins came so many times faster than they can be served; what they and others got meanwhile."""

    offered_per_second: float
    logins: Steady
    tokens: Steady
    jwks: Steady


def overload(server: Server, capacity: float, seconds: float) -> Overload:
    """Send sign-in forms at ten times what was served, and ask for tokens and keys beside it as others do at that moment."""
    offered = max(OVERLOAD * capacity, 20.0)
    many = min(OVERLOAD_THREADS, int(offered) + 1)
    requests = assertions(server, int(PROBES_PER_SECOND * seconds) + PROBES_PER_SECOND)
    keys = raw_request("GET", server.document["jwks_uri"], {})
    with ProcessPoolExecutor(1, get_context("spawn")) as apart, _crowd(server, many, signed_in=False) as visitors:
        forms: dict[int, Filled] = {number: visitor.come_to_form() for number, visitor in enumerate(visitors)}
        apart.submit(probe, server.document["issuer"], {}, 0.0).result()  # it is up when the crowd comes
        asked = {"tokens": list(requests), "jwks": [keys] * len(requests)}
        probes = apart.submit(probe, server.document["issuer"], asked, seconds)
        logins = steady(lambda number: _press(visitors[number], number, forms), per_second=offered, seconds=seconds, threads=many)
        found = probes.result()
    return Overload(offered, logins, found["tokens"], found["jwks"])


def probe(address: str, asked: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Steady]:
    """Send prepared requests at a steady rate each kind; from a process of its own, where the crowd's threads hold nothing up."""
    place, found = urlsplit(address), dict[str, Steady]()

    def watch(name: str, requests: Iterator[bytes]) -> None:
        wires = [Wire(place.hostname or "", place.port or 80) for _ in range(4)]
        found[name] = steady(
            lambda number: str(wires[number].send(next(requests)).status), per_second=PROBES_PER_SECOND, seconds=seconds, threads=len(wires)
        )
        for wire in wires:
            wire.close()

    watching = [threading.Thread(target=watch, args=(name, iter(requests))) for name, requests in asked.items()]
    for each in watching:
        each.start()
    for each in watching:
        each.join()
    return found


def _press(visitor: Visitor, number: int, forms: dict[int, Filled]) -> str:
    """Send a sign-in form, the same again after a 503; who was let in comes to another form before the next time."""
    filled = forms.get(number) or visitor.come_to_form()
    answer = visitor.send_form(filled)
    forms.pop(number, None)
    if answer.status == BUSY:
        forms[number] = filled
    return f"{answer.status} with Retry-After" if answer.header("retry-after") else str(answer.status)


def _sign_in(visitor: Visitor) -> None:
    visitor.redeem(visitor.sign_in())


def _authorize(visitor: Visitor) -> None:
    visitor.redeem(visitor.authorize())


def _hash(hasher: PasswordHasher) -> None:
    hasher.hash("a password of some length")
