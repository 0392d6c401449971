"""How many calls in a minute: each process counts, and adds what it counted to the common count now and then.

So a call costs no round trip, and a little more than the limit may pass: a hundredth of it for each process.  While the store of the
common count is away nobody is refused.  Names are kept there as keyed hashes, so that the store has no address.
"""

import hashlib
import hmac
import math
import threading
import time
from dataclasses import dataclass

import structlog
from redis import Redis
from redis.exceptions import RedisError

from shared.clock import Clock

log = structlog.get_logger("identity.limits")
KEY = "andamio:identity:calls:"
WINDOW_SECONDS, SHARE, AWAY_SECONDS = 60, 100, 2.0


@dataclass
class _Count:
    """What is known of one name in this window: the common count when it was last asked, and what was counted here since."""

    common: int = 0
    here: int = 0


class Limits:
    """Counts by name in windows of a minute.  Thread-safe."""

    def __init__(self, redis: Redis, clock: Clock, key: bytes) -> None:
        self._redis = redis
        self._clock = clock
        self._key = key
        self._window = 0
        self._counts: dict[str, _Count] = {}
        self._away_until = 0.0
        self._lock = threading.Lock()

    def take(self, name: str, most: int) -> int:
        """Count a call; return how many seconds it has to wait, 0 when it may go on.  `most` is per minute; 0 is no limit."""
        if not most:
            return 0
        now = self._clock.now().timestamp()
        window = int(now // WINDOW_SECONDS)
        with self._lock:
            if window != self._window:
                self._window = window
                self._counts.clear()
            count = self._counts.setdefault(name, _Count())
            count.here += 1
            is_over = count.common > most
            due = count.here if not is_over and count.here >= max(1, most // SHARE) else 0
            count.here -= due
        if due and not self._add(name, window, count, due):
            return 0
        return max(1, math.ceil(WINDOW_SECONDS - now % WINDOW_SECONDS)) if count.common + count.here > most else 0

    def _add(self, name: str, window: int, count: _Count, due: int) -> bool:
        """Add to the common count and read it; False while its store is away."""
        if time.monotonic() < self._away_until:
            return False
        mark = hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.incrby(f"{KEY}{window}:{mark}", due)
                pipe.expire(f"{KEY}{window}:{mark}", 2 * WINDOW_SECONDS)
                count.common = int(pipe.execute()[0])
        except RedisError as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.warning("calls not counted", error=type(error).__name__)
            return False
        return True
