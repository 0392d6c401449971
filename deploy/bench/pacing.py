"""Acts at a steady rate, whatever the answers take."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def paced(act: Callable[[], object], *, per_second: float, seconds: float, threads: int = 8) -> tuple[float, list[float]]:
    """Act at a steady rate; return the rate that was kept and the sorted milliseconds of each.

    A late start counts: what waits in front of a busy server is part of what its caller waits.
    """
    times: list[float] = []
    lock = threading.Lock()
    begun = time.perf_counter()
    total = int(per_second * seconds)
    numbers = iter(range(total))

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            due = begun + number / per_second
            time.sleep(max(0.0, due - time.perf_counter()))
            act()
            with lock:
                times.append((time.perf_counter() - due) * 1000)

    with ThreadPoolExecutor(threads) as pool:
        for one in [pool.submit(work) for _ in range(threads)]:
            one.result()
    return total / (time.perf_counter() - begun), sorted(times)


def percentile(ordered: list[float], part: float) -> float:
    """Return a percentile of sorted values."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0
