"""Calls are counted by the minute, in each process and together, and nobody is refused while the store is away (HT-10)."""

import redis

from identity.providers.limits import Limits
from shared.clock import FixedClock

KEY = b"k" * 32


def limits(url: str, clock: FixedClock) -> Limits:
    return Limits(redis.Redis.from_url(url, socket_connect_timeout=0.2), clock, KEY)


def test_the_limit_holds_until_the_minute_is_over(redis_url: str, clock: FixedClock) -> None:
    one = limits(redis_url, clock)
    clock.advance(seconds=13)
    assert [one.take("a", 3) for _ in range(5)] == [0, 0, 0, 47, 47]
    assert one.take("b", 3) == 0, "another name has its own count"
    clock.advance(seconds=46.5)
    assert one.take("a", 3) == 1
    clock.advance(seconds=1)
    assert one.take("a", 3) == 0, "the next minute"


def test_processes_count_together(redis_url: str, clock: FixedClock) -> None:
    several = [limits(redis_url, clock) for _ in range(3)]
    passed = sum(one.take("a", 300) == 0 for _ in range(200) for one in several)
    assert 300 <= passed <= 300 + 3 * 3 + 3, "a hundredth of the limit for each process"


def test_what_is_kept_names_nobody(redis_url: str, clock: FixedClock) -> None:
    one = limits(redis_url, clock)
    one.take("address|192.0.2.44", 1)
    kept = redis.Redis.from_url(redis_url)
    [name] = kept.keys("andamio:identity:calls:*")
    assert b"192.0.2" not in name
    assert 60 < kept.ttl(name) <= 120


def test_without_the_store_everybody_passes(clock: FixedClock) -> None:
    one = limits("redis://127.0.0.1:9", clock)
    assert [one.take("a", 2) for _ in range(20)] == [0] * 20


def test_zero_is_no_limit(redis_url: str, clock: FixedClock) -> None:
    one = limits(redis_url, clock)
    assert [one.take("a", 0) for _ in range(20)] == [0] * 20
    assert not redis.Redis.from_url(redis_url).keys("*")
