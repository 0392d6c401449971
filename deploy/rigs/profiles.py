"""What a day looks like: how many requests a second at each moment, and which."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """`rate(share)` is requests a second when `share` of the run is over (0 to 1); `mix` weighs the kinds of requests."""

    what: str
    rate: Callable[[float], float]
    mix: Mapping[str, int]


ORDINARY_RATE = 20.0
BENEFIT_FACTOR = 20.0
STORM_RATE = 1_000_000 / 3600

EVERYTHING = {"discovery": 10, "client_credentials": 20, "POST v2 SMS": 30, "POST v1 payments": 15, "exchange": 25}

PROFILES: Mapping[str, Profile] = {
    "ordinary": Profile("an ordinary day at noon", lambda _share: ORDINARY_RATE, EVERYTHING),
    "benefit-day": Profile(
        "the hour in which a benefit opens: up to twenty times an ordinary one, and down again",
        lambda share: ORDINARY_RATE * (1 + (BENEFIT_FACTOR - 1) * math.sin(math.pi * share) ** 2),
        EVERYTHING,
    ),
    "mail-storm": Profile("a million messages in an hour", lambda _share: STORM_RATE, {"POST v2 SMS": 1}),
}
