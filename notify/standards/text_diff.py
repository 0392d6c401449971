"""What changed between two texts, line by line, in the order of reading."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

PAIRS_MAX = 100_000
"""As many pairs of lines are compared; looking for what stayed within longer changes could take minutes."""


@dataclass(frozen=True)
class Line:
    """One line; `change` is `same`, `removed` or `added`."""

    change: str
    text: str


def diff(before: str, after: str) -> list[Line]:
    """Give the lines of both texts, those that were removed before those that took their place."""
    old, new = before.splitlines(), after.splitlines()
    begin = _same(old, new)
    end = _same(old[begin:][::-1], new[begin:][::-1])
    old_end, new_end = len(old) - end, len(new) - end
    return [
        *(Line("same", text) for text in old[:begin]),
        *_lines(old[begin:old_end], new[begin:new_end]),
        *(Line("same", text) for text in old[old_end:]),
    ]


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _lines(before: list[str], after: list[str]) -> Iterator[Line]:
    codes: Iterable[tuple[str, int, int, int, int]] = [("replace", 0, len(before), 0, len(after))]
    if len(before) * len(after) <= PAIRS_MAX:
        codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for tag, i, j, k, m in codes:
        if tag == "equal":
            yield from (Line("same", text) for text in before[i:j])
        else:
            yield from (Line("removed", text) for text in before[i:j])
            yield from (Line("added", text) for text in after[k:m])
