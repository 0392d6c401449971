"""Many at once: each thread repeats one act until the time is over; or acts fall due at a steady rate, answered or not."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from deploy.bench.load import Measured
from deploy.bench.visitors import Lost

Act = Callable[[], None]
"""One thing that somebody does, whole.  Raises: Lost, OSError; StopIteration when there is nothing left to do."""


def closed_loop(name: str, acts: Sequence[Act], seconds: float) -> Measured:
    """Have each act done again and again in a thread of its own; a rate is what came out right over the time it took."""
    times: list[float] = []
    faults: list[str] = []
    began = time.monotonic()
    end = began + seconds

    def work(act: Act) -> None:
        while time.monotonic() < end:
            start = time.monotonic()
            try:
                act()
            except StopIteration:
                return
            except (Lost, OSError) as fault:
                faults.append(str(fault))
            else:
                times.append(time.monotonic() - start)

    _together([partial(work, act) for act in acts])
    took = min(seconds, time.monotonic() - began)
    p50, p95, p99 = (1000 * percentile(times, share) for share in (0.5, 0.95, 0.99))
    return Measured(name, len(times) / took, p50, p95, p99, len(faults), {}, faults[0] if faults else "")


@dataclass
class Steady:
    """What became of acts that fell due one after the other; times are counted from the moment an act was due."""

    milliseconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """The rate that was kept."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, share: float) -> float:
        """The time that this share of the acts took at most."""
        return percentile(self.milliseconds, share)


def steady(act: Callable[[int], str | None], *, per_second: float, seconds: float, threads: int = 8) -> Steady:
    """Do an act so many times a second, whether or not the one before is over; `act` gets its thread and says what the answer was."""
    found, turn, lock = Steady(), itertools.count(), threading.Lock()
    began = time.monotonic()

    def work(number: int) -> None:
        while True:
            with lock:
                due = began + next(turn) / per_second
            if due >= began + seconds:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                said = act(number) or "done"
            except (Lost, OSError):
                said = "lost"
            with lock:
                found.answers[said] += 1
                found.milliseconds.append((time.monotonic() - due) * 1000)

    _together([partial(work, number) for number in range(threads)])
    found.seconds = time.monotonic() - began
    return found


def percentile(times: Sequence[float], share: float) -> float:
    """Return the time that this share took at most; 0 where there is none."""
    ordered = sorted(times) or [0.0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spread(milliseconds: Sequence[float]) -> str:
    """Write median and tail of some times."""
    return ", ".join(f"p{share} {percentile(milliseconds, share / 100):.1f} ms" for share in (50, 95, 99))


def timed(act: Callable[[], object]) -> float:
    """Do something and return how many milliseconds it took."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _together(work: Sequence[Callable[[], None]]) -> None:
    """Do all of it at once.  Raises: what any of it raised."""
    with ThreadPoolExecutor(len(work)) as pool:
        for one in [pool.submit(each) for each in work]:
            one.result()
