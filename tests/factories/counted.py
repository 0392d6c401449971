"""What the metrics counted while a test did something."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared import metrics


@contextmanager
def forgotten(service: str) -> Iterator[dict[str, int]]:
    """Give, after the block, how many rows of which tables went meanwhile."""
    before, gone = _counted(service), dict[str, int]()
    yield gone
    gone.update({table: rows for table, now in _counted(service).items() if (rows := now - before.get(table, 0))})


def _counted(service: str) -> dict[str, int]:
    samples = [sample for metric in metrics.FORGOTTEN.collect() for sample in metric.samples]
    return {each.labels["table"]: int(each.value) for each in samples if each.name.endswith("_total") and each.labels["service"] == service}
