"""Group commit: what several threads have to write at the same moment goes into one transaction, and each returns after its commit.

The first to come writes at once; who comes meanwhile waits and is written together by the next.  Nobody waits for company, unless
`gather_seconds` says so: then who comes soon after a write waits that long, or until ENOUGH are there: one transaction for all is cheaper.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

BATCH_MAX = 200
ENOUGH = 8


class _Waiting(Generic[I, R]):
    def __init__(self, item: I) -> None:
        self.item = item
        self.turn = threading.Lock()  # let go once, when it is this thread's turn; an Event costs twice as much, at each message
        self.turn.acquire()
        self.result: R | None = None
        self.fault: BaseException | None = None
        self.done = False


class GroupCommit(Generic[I, R]):
    """Runs `write` on what has gathered, by the thread whose turn it is; `write` gives a result for each item, in order."""

    def __init__(self, write: Callable[[Sequence[I]], Sequence[R]], *, gather_seconds: float = 0.0) -> None:
        self._write = write
        self._gather_seconds = gather_seconds
        self._enough = threading.Event()
        self._wrote_at = -gather_seconds
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[I, R]] = []
        self._busy = False

    def put(self, item: I) -> R:
        """Write one item and give its result, once that is committed.  Raises: what writing it raised."""
        mine: _Waiting[I, R] = _Waiting(item)
        with self._lock:
            self._waiting.append(mine)
            if len(self._waiting) >= ENOUGH:
                self._enough.set()
            leads = not self._busy
            self._busy = True
        if not leads:
            mine.turn.acquire()
        if not mine.done:
            self._lead(mine)
        if mine.fault is not None:
            raise mine.fault
        return mine.result  # type: ignore[return-value]  # set by who wrote it

    def _lead(self, mine: _Waiting[I, R]) -> None:
        """Write what waits, this thread's own among it, and pass the turn on."""
        if time.monotonic() - self._wrote_at < self._gather_seconds:
            self._enough.wait(self._gather_seconds)
        with self._lock:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            if len(self._waiting) < ENOUGH:
                self._enough.clear()
        try:
            self._write_all(batch)
        finally:
            self._wrote_at = time.monotonic()
            with self._lock:
                heir = self._waiting[0] if self._waiting else None
                self._busy = heir is not None
            for each in batch:
                each.done = True
                if each is not mine:
                    each.turn.release()
            if heir is not None:
                heir.turn.release()

    def _write_all(self, batch: list[_Waiting[I, R]]) -> None:
        try:
            for each, result in zip(batch, self._write([each.item for each in batch]), strict=True):
                each.result = result
        except DBAPIError as fault:
            if len(batch) == 1 or isinstance(fault, OperationalError):
                _fail(batch, fault)
                return
            for each in batch:  # one of them cannot be written: the others need not suffer for it
                self._write_all([each])
        except BaseException as fault:  # noqa: BLE001 - told to each thread that waits for it
            _fail(batch, fault)


def _fail(batch: Sequence[_Waiting[I, R]], fault: BaseException) -> None:
    for each in batch:
        each.fault = fault
