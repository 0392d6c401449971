"""What is kept for two seconds is read once for all who ask together, and nobody waits long for a reader that is stuck."""

import threading

import pytest

from notify.models import read_through
from notify.models.read_through import ENTRIES_MAX, TTL, ReadThrough
from shared.clock import FixedClock


class Source:
    """Counts what is read; the first reading waits until it may end."""

    def __init__(self, *, is_slow: bool = False) -> None:
        self.reads: list[object] = []
        self.begun, self.may_end = threading.Event(), threading.Event()
        if not is_slow:
            self.may_end.set()

    def read(self, key: object) -> int:
        self.reads.append(key)
        number = len(self.reads)
        if number == 1:
            self.begun.set()
            assert self.may_end.wait(20)
        return number


class Looked:
    """A key that tells how often it was looked up."""

    def __init__(self) -> None:
        self.lookups = threading.Semaphore(0)

    def __hash__(self) -> int:
        self.lookups.release()
        return 7


def test_a_value_is_read_again_after_two_seconds_and_not_before(clock: FixedClock) -> None:
    source = Source()
    kept: ReadThrough[str, int] = ReadThrough(clock, source.read)
    assert [kept.get("a"), kept.get("a"), kept.get("b")] == [1, 1, 2]
    clock.advance(seconds=TTL.total_seconds() - 0.001)
    assert kept.get("a") == 1
    clock.advance(seconds=0.001)
    assert kept.get("a") == 3


def test_of_those_who_miss_together_one_reads(clock: FixedClock) -> None:
    source, key = Source(is_slow=True), Looked()
    kept: ReadThrough[Looked, int] = ReadThrough(clock, source.read)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(kept.get(key))) for _ in range(8)]
    threads[0].start()
    assert source.begun.wait(20)
    while key.lookups.acquire(blocking=False):
        pass
    for thread in threads[1:]:
        thread.start()
    for _ in range(2 * len(threads[1:])):  # for the value, then for whose turn it is
        assert key.lookups.acquire(timeout=20)
    source.may_end.set()
    for thread in threads:
        thread.join(20)
    assert found == [1] * 8
    assert source.reads == [key]


def test_who_has_waited_for_a_stuck_reader_reads_for_itself(clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_through, "PATIENCE_SECONDS", 0.01)
    source = Source(is_slow=True)
    kept: ReadThrough[str, int] = ReadThrough(clock, source.read)
    stuck = threading.Thread(target=kept.get, args=("a",))
    stuck.start()
    assert source.begun.wait(20)
    assert kept.get("a") == 2
    source.may_end.set()
    stuck.join(20)


def test_a_reading_that_failed_is_tried_again_by_the_next(clock: FixedClock) -> None:
    faults = [OSError("away")]

    def read(_key: str) -> int:
        if faults:
            raise faults.pop()
        return 5

    kept: ReadThrough[str, int] = ReadThrough(clock, read)
    with pytest.raises(OSError, match="away"):
        kept.get("a")
    assert kept.get("a") == 5


def test_it_holds_a_limited_number(clock: FixedClock) -> None:
    kept: ReadThrough[int, int] = ReadThrough(clock, lambda key: key)
    for number in range(ENTRIES_MAX + 2):
        kept.get(number)
    assert len(kept._values) == 2
