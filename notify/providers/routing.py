"""Several providers for one channel: weights, a circuit breaker each, fail-over, a cap per sender.

Which provider comes first for a message follows from its reference and the weights alone (weighted rendezvous hashing), so that
another try goes the same way: a provider that knows the reference drops the repeat.  A message whose outcome is not known is
never given to another provider in the same try; where a repeat is worse than a wait (letters) it is written down whom a message
was offered to, and nobody else is asked until the operator pauses that one or takes it away.
"""

import hashlib
import math
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from notify.providers.base import HandOver, ProviderRefused, ProviderUnavailable, RecipientRefused
from shared.clock import Clock

log = structlog.get_logger("andamio.notify.routing")
OPEN_AFTER_FAILURES = 5
OPEN_SECONDS = 30
OPEN_SECONDS_MAX = 300
CAP_SECONDS = 60


class Handed(Protocol):
    """Anything that is handed over under a reference."""

    @property
    def reference(self) -> str:
        """The notification's id."""
        ...


M = TypeVar("M", bound=Handed)
H_contra = TypeVar("H_contra", bound=Handed, contravariant=True)


class Provider(Protocol[H_contra]):
    """One way out."""

    def send(self, handed: H_contra, /) -> HandOver:
        """Hand over one message.  Raises: ProviderError."""
        ...


@dataclass
class Breaker:
    """Stops asking a provider that fails: closed, then open for a time that doubles, then one try."""

    clock: Clock
    failures: int = 0
    open_until: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def allows(self) -> bool:
        """Tell whether the provider may be asked; when the time is over one message tries, and the others wait for it."""
        with self._lock:
            now = self.clock.now()
            if self.open_until is None:
                return True
            if now < self.open_until:
                return False
            self.open_until = now + timedelta(seconds=OPEN_SECONDS)
            return True

    def worked(self) -> None:
        """Note that it answered."""
        with self._lock:
            self.failures, self.open_until = 0, None

    def failed(self) -> None:
        """Note that it did not."""
        with self._lock:
            self.failures += 1
            over = self.failures - OPEN_AFTER_FAILURES
            if over >= 0:
                seconds = min(OPEN_SECONDS_MAX, OPEN_SECONDS * 2 ** min(over, 10))
                self.open_until = self.clock.now() + timedelta(seconds=seconds)


@dataclass
class Route(Generic[M]):
    """A provider with its share of the messages; `per_minute` caps each sender's messages, 0 is no cap.

    `for_good`: what was offered to it is never offered to another, not even while it is paused.  `receipt_secret` is what the settings say
    that it proves its receipts by, `is_asked` that we ask it for them.
    """

    name: str
    provider: Provider[M]
    breaker: Breaker
    weight: int = 1
    per_minute: int = 0
    for_good: bool = False
    receipt_secret: str = field(default="", repr=False)
    is_asked: bool = False


@dataclass(frozen=True)
class Stays(Generic[M]):
    """Remembers whom a message was offered to: `kept` gives the route's name or None, `keep` writes it down before the offer."""

    kept: Callable[[M], str | None]
    keep: Callable[[M, str], None]


class Router(Generic[M]):
    """A provider made of several.

    `within_cap(route, sender, per_minute)` counts; `weights()` gives what an operator set meanwhile, by route, 0 to pause one.
    `last()` names routes that are behind with what they have: they come after all others.  `stays` says where a message must not
    be offered to two, and remembers whom each was offered to.
    """

    def __init__(
        self,
        routes: Sequence[Route[M]],
        *,
        sender_of: Callable[[M], str] = lambda _handed: "",
        within_cap: Callable[[str, str, int], bool] = lambda _route, _sender, _per_minute: True,
        weights: Callable[[], Mapping[str, int]] = dict,
        last: Callable[[], Collection[str]] = tuple,
        stays: Stays[M] | None = None,
    ) -> None:
        self.routes = tuple(routes)
        self._sender_of = sender_of
        self._within_cap = within_cap
        self._weights = weights
        self._last = last
        self._stays = stays

    def send(self, handed: M) -> HandOver:
        """Hand over by the first route that takes it.  Raises: ProviderError of the last one asked."""
        fault = ProviderUnavailable("no provider takes messages just now", retry_after_seconds=OPEN_SECONDS)
        for route in self._routes_of(handed):
            if not route.breaker.allows():
                continue
            if route.per_minute and not self._within_cap(route.name, self._sender_of(handed), route.per_minute):
                fault = ProviderUnavailable("the sender's cap is reached", retry_after_seconds=CAP_SECONDS, is_held_back=True)
                continue
            if self._stays:
                self._stays.keep(handed, route.name)
            try:
                done = route.provider.send(handed)
            except ProviderUnavailable as away:
                route.breaker.failed()
                log.warning("provider away", provider=route.name, failures=route.breaker.failures, may_have_taken=away.may_have_taken)
                fault = away
                if away.may_have_taken or self._stays:
                    break
            except (RecipientRefused, ProviderRefused):
                route.breaker.worked()
                raise
            else:
                route.breaker.worked()
                return done
        raise fault

    def order(self, reference: str) -> list[Route[M]]:
        """Give the routes in the order this reference tries them; paused ones are left out."""
        known, last = self._weights(), self._last()
        weighted = [(known.get(route.name, route.weight), route) for route in self.routes]
        ranked = sorted(weighted, key=lambda pair: (pair[1].name in last, _score(pair[0], pair[1].name, reference)))
        return [route for weight, route in ranked if weight > 0]

    def _routes_of(self, handed: M) -> list[Route[M]]:
        open_ones = self.order(handed.reference)
        kept = self._stays.kept(handed) if self._stays else None
        return [route for route in self.routes if route.name == kept and (route.for_good or route in open_ones)] or open_ones


def _score(weight: int, name: str, reference: str) -> float:
    """Give a number of which the smallest wins as often as its weight is of all weights."""
    digest = hashlib.sha256(f"{name}\0{reference}".encode()).digest()
    uniform = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 1)
    return -math.log(uniform) / weight if weight > 0 else math.inf
