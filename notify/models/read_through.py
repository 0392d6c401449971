"""What is read from the database once and kept in process for two seconds.

Spec: notify-api §2 (upstream's own figure of two seconds).
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from shared.clock import Clock

TTL = timedelta(seconds=2)
ENTRIES_MAX = 10_000
READS_AT_ONCE = 64
PATIENCE_SECONDS = 1.0
"""Who reads may wait for a database that is away: the others then try for themselves."""
K = TypeVar("K")
V = TypeVar("V")


class ReadThrough(Generic[K, V]):
    """Values read through, each for TTL; of the threads that miss one together, one reads and the others take what it found."""

    def __init__(self, clock: Clock, read: Callable[[K], V]) -> None:
        self._clock = clock
        self._read = read
        self._values: dict[K, tuple[V, datetime]] = {}
        self._lock = threading.Lock()
        self._reading = [threading.Lock() for _ in range(READS_AT_ONCE)]

    def get(self, key: K) -> V:
        """Give a value, at most so old."""
        found = self._values.get(key)
        if found and self._clock.now() < found[1]:
            return found[0]
        reading = self._reading[hash(key) % READS_AT_ONCE]
        is_ours = reading.acquire(timeout=PATIENCE_SECONDS)
        try:
            now = self._clock.now()
            found = self._values.get(key)
            return found[0] if found and now < found[1] else self._read_anew(key, now)
        finally:
            if is_ours:
                reading.release()

    def _read_anew(self, key: K, now: datetime) -> V:
        value = self._read(key)
        with self._lock:
            if len(self._values) >= ENTRIES_MAX:
                self._values.clear()
            self._values[key] = (value, now + TTL)
        return value

    def clear(self) -> None:
        """Read everything anew at its next use."""
        with self._lock:
            self._values.clear()
