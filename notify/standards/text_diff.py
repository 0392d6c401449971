"""What changed between two texts, line by line, in the order of reading."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True)
class Line:
    """One line; `change` is `same`, `removed` or `added`."""

    change: str
    text: str


def diff(before: str, after: str) -> list[Line]:
    """Give the lines of both texts, those that were removed before those that took their place."""
    return list(_lines(before.splitlines(), after.splitlines()))


def _lines(before: list[str], after: list[str]) -> Iterator[Line]:
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (Line("same", text) for text in before[i:j])
        else:
            yield from (Line("removed", text) for text in before[i:j])
            yield from (Line("added", text) for text in after[k:m])
