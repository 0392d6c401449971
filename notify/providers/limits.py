"""Rate and daily limits in Redis: one small script before a message is looked at, one count after it is kept.

Redis away means no limit: nobody's message waits for a counter.  Spec: notify-api §11.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger("andamio.notify.limits")
DAY_SECONDS = 24 * 3600
BUCKET_SECONDS = 120
CAP_SECONDS = 120

# KEYS: bucket, then day counters.  ARGV: now in ms, refill a second, size.  Answer: taken 0|1, then the counters.
_TAKE = """
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local now, refill, size = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local level = tonumber(kept[1]) or size
local passed = math.max(0, now - (tonumber(kept[2]) or now))
level = math.min(size, level + passed * refill / 1000)
local taken = 0
if level >= 1 then
    taken, level = 1, level - 1
end
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
local answer = {taken}
for i = 2, #KEYS do
    answer[i] = tonumber(redis.call('GET', KEYS[i])) or 0
end
return answer
"""


@dataclass(frozen=True)
class Taken:
    """The answer: whether a token was there, and today's counts in the order asked for."""

    allowed: bool
    counts: tuple[int, ...]


def bucket_size(per_minute: int) -> int:
    """Give how many messages may come at once."""
    return min(-(-per_minute // 3) + 1, 1000)


class Limits:
    """The limits of all services."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = redis.register_script(_TAKE)

    def take(self, service: str, kind: str, per_minute: int, counters: Sequence[str], now: datetime) -> Taken:
        """Take one token from the bucket of a service and key type, and read today's counts."""
        keys = [f"notify:rate:{{{service}}}:{kind}", *(_day_key(service, counter, now) for counter in counters)]
        arguments = [int(now.timestamp() * 1000), per_minute / 60, bucket_size(per_minute), BUCKET_SECONDS]
        try:
            answer = self._script(keys=keys, args=arguments)
        except RedisError as error:
            log.warning("limits away, letting pass", error=type(error).__name__)
            return Taken(True, (0,) * len(counters))
        return Taken(bool(answer[0]), tuple(int(count) for count in answer[1:]))

    def count(self, used: Mapping[tuple[str, str], int], now: datetime) -> None:
        """Count kept messages against today: how many by (service, counter)."""
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for (service, counter), number in used.items():
                    key = _day_key(service, counter, now)
                    pipe.incrby(key, number)
                    pipe.expire(key, DAY_SECONDS)
                pipe.execute()
        except RedisError as error:
            log.warning("message not counted", error=type(error).__name__)

    def counts(self, service: str, counters: Sequence[str], now: datetime) -> list[int]:
        """Read today's counts in the order asked for; nothing is counted while Redis is away."""
        try:
            found = self._redis.mget([_day_key(service, counter, now) for counter in counters])
        except RedisError as error:
            log.warning("counts away", error=type(error).__name__)
            return [0] * len(counters)
        return [int(count or 0) for count in found]

    def count_try(self, name: str, most: int, seconds: int) -> int:
        """Count a try at something guarded; give how many seconds to wait when there were too many, else 0."""
        key = f"notify:tries:{name}"
        try:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(key, 0, ex=seconds, nx=True)
                pipe.incr(key)
                pipe.ttl(key)
                _, tries, left = pipe.execute()
        except RedisError as error:
            log.warning("tries not counted", error=type(error).__name__)
            return 0
        return max(1, int(left)) if int(tries) > most else 0

    def within_cap(self, provider: str, sender: str, per_minute: int, now: datetime) -> bool:
        """Count one message of a sender at a provider; tell whether it is within the minute's cap."""
        key = f"notify:cap:{provider}:{sender}:{now:%Y-%m-%dT%H:%M}"
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.incr(key)
                pipe.expire(key, CAP_SECONDS)
                count = pipe.execute()[0]
        except RedisError as error:
            log.warning("caps away, letting pass", error=type(error).__name__)
            return True
        return int(count) <= per_minute


def _day_key(service: str, counter: str, now: datetime) -> str:
    """Name a counter.  The braces keep all keys of a service together where a Redis Cluster shares them out: one script reads several."""
    return f"notify:day:{{{service}}}:{counter}:{now:%Y-%m-%d}"
