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
K = TypeVar("K")
V = TypeVar("V")


class ReadThrough(Generic[K, V]):
    """Values read through, each for TTL; two threads that miss together both read, which is harmless."""

    def __init__(self, clock: Clock, read: Callable[[K], V]) -> None:
        self._clock = clock
        self._read = read
        self._values: dict[K, tuple[V, datetime]] = {}
        self._lock = threading.Lock()

    def get(self, key: K) -> V:
        """Give a value, at most so old."""
        now = self._clock.now()
        found = self._values.get(key)
        if found and now < found[1]:
            return found[0]
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
