"""Group commit: together, in order, each with its own result, and one bad item alone."""

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from shared.group_commit import BATCH_MAX, ENOUGH, GroupCommit


def run_all(group: "GroupCommit[int, int]", items: Sequence[int]) -> dict[int, object]:
    """Put every item from a thread of its own; give results or exceptions."""
    found: dict[int, object] = {}

    def put(item: int) -> None:
        try:
            found[item] = group.put(item)
        except Exception as fault:  # noqa: BLE001 - looked at below
            found[item] = fault

    threads = [threading.Thread(target=put, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    return found


def test_who_comes_while_one_writes_is_written_together() -> None:
    batches: list[list[int]] = []
    first_writes, may_end = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        if len(batches) == 1:
            first_writes.set()
            assert may_end.wait(20)
        return [item * 10 for item in items]

    group: GroupCommit[int, int] = GroupCommit(write)
    leader = threading.Thread(target=group.put, args=(0,))
    leader.start()
    assert first_writes.wait(20)
    found: dict[int, int] = {}
    others = [threading.Thread(target=lambda n=n: found.__setitem__(n, group.put(n))) for n in range(1, 21)]
    for thread in others:
        thread.start()
    while len(group._waiting) < 20:
        threading.Event().wait(0.001)
    may_end.set()
    for thread in [leader, *others]:
        thread.join(20)
    assert [len(batch) for batch in batches] == [1, 20]
    assert found == {n: n * 10 for n in range(1, 21)}


def test_who_comes_soon_after_a_write_waits_until_enough_are_there() -> None:
    """The first waits for nobody; then one alone would wait for the whole time, and enough of them for none of it."""
    batches: list[list[int]] = []

    def write(items: Sequence[int]) -> list[int]:
        batches.append(sorted(items))
        return list(items)

    group: GroupCommit[int, int] = GroupCommit(write, gather_seconds=3600)
    group.put(0)
    run_all(group, range(1, ENOUGH + 1))
    assert batches == [[0], list(range(1, ENOUGH + 1))]


def test_many_threads_each_get_their_own() -> None:
    sizes: list[int] = []

    def write(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        return [item + 1 for item in items]

    group: GroupCommit[int, int] = GroupCommit(write)
    assert run_all(group, range(300)) == {n: n + 1 for n in range(300)}
    assert sum(sizes) == 300
    assert max(sizes) <= BATCH_MAX
    assert group.put(7) == 8


def test_one_that_cannot_be_written_does_not_take_the_others_with_it() -> None:
    def write(items: Sequence[int]) -> list[int]:
        if 5 in items:
            raise IntegrityError("insert", None, ValueError("five"))
        return list(items)

    found = run_all(GroupCommit(write), range(10))
    assert isinstance(found.pop(5), IntegrityError)
    assert found == {n: n for n in range(10) if n != 5}


@pytest.mark.parametrize("fault", [OperationalError("x", None, ValueError("away")), RuntimeError("ours"), KeyError("x")])
def test_a_fault_is_told_to_all_and_the_next_begins_anew(fault: Exception) -> None:
    faults = [fault]

    def write(items: Sequence[int]) -> list[int]:
        if faults:
            raise faults.pop()
        return list(items)

    group: GroupCommit[int, int] = GroupCommit(write)
    with pytest.raises(type(fault)):
        group.put(1)
    assert group.put(2) == 2
