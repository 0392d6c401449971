"""Placeholders in templates: `((name))` and `((name??shown when yes))`.

One pass, left to right; values are never scanned again, so nobody can smuggle a placeholder into a message.  Spec: notify-api §13.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

Value = object  # any JSON value: str, int, float, bool, None, list, dict
WriteList = Callable[[Sequence[Value]], str]

PLACEHOLDER = re.compile(r"\(\(([^()]+)\)\)")
YES = frozenset({"yes", "y", "true", "t", "1", "include", "show"})
KEY_KEPT_CHARACTERS_MAX = 64
TEXT_KEPT_CHARACTERS_MAX = 20_000
_KEY_NOISE = str.maketrans("", "", " _-")
_NEWLINES = re.compile(r"\s*[\r\n]+\s*")


def same_key(name: str) -> str:
    """Give the form under which two spellings of a key are equal (case, spaces, `_` and `-` do not count)."""
    return _known_key(name) if len(name) <= KEY_KEPT_CHARACTERS_MAX else _plain_key(name)


def _plain_key(name: str) -> str:
    return name.lower().translate(_KEY_NOISE)


_known_key = lru_cache(maxsize=4096)(_plain_key)


def placeholders(*texts: str) -> list[str]:
    """Name each placeholder once, as first written, in order of appearance over all texts."""
    found: dict[str, str] = {}
    for text in texts:
        for match in PLACEHOLDER.finditer(text):
            name = match[1].partition("??")[0].strip()
            if same_key(name):
                found.setdefault(same_key(name), name)
    return list(found.values())


def missing(values: Mapping[str, Value], *texts: str) -> list[str]:
    """Name the placeholders that have no value; null is no value, an empty text is one."""
    given = {same_key(key) for key, value in values.items() if value is not None}
    return [name for name in placeholders(*texts) if same_key(name) not in given]


def inline_list(items: Sequence[Value]) -> str:
    """Write a list as prose: `a`, `a and c`, `x, y and z`; nulls and empty texts are left out."""
    words = [str(item) for item in items if item is not None and item != ""]
    return words[0] if len(words) == 1 else " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def bullet_list(items: Sequence[Value]) -> str:
    """Write a list as bullets on lines of their own, for the markdown of emails and letters."""
    return "\n\n" + "\n".join(f"* {item}" for item in items if item is not None and item != "")


def fill(text: str, values: Mapping[str, Value], *, write_list: WriteList = inline_list) -> str:
    """Put values in the place of placeholders; those without a value stay as they are."""
    by_key = {same_key(key): value for key, value in values.items()}
    parts = _known_parts(text) if len(text) <= TEXT_KEPT_CHARACTERS_MAX else _parts(text)
    return "".join([part if isinstance(part, str) else part.filled(by_key, write_list) for part in parts])


def fill_line(text: str, values: Mapping[str, Value]) -> str:
    """Fill a text that must stay one line (a subject): newlines become spaces, so no header can be injected."""
    return _NEWLINES.sub(" ", fill(text, values)).strip()


class _Place(NamedTuple):
    """A placeholder: as it is written, the key of its value, and what a conditional one shows."""

    written: str
    key: str
    shown: str | None

    def filled(self, by_key: Mapping[str, Value], write_list: WriteList) -> str:
        value = by_key.get(self.key)
        if value is None:
            return self.written
        if self.shown is not None:
            return self.shown if str(value).lower() in YES else ""
        return write_list(value) if isinstance(value, list) else str(value)


def _parts(text: str) -> tuple[str | _Place, ...]:
    parts: list[str | _Place] = []
    at = 0
    for match in PLACEHOLDER.finditer(text):
        name, conditional, shown = match[1].partition("??")
        parts += (text[at : match.start()], _Place(match[0], same_key(name), shown if conditional else None))
        at = match.end()
    return (*parts, text[at:])


_known_parts = lru_cache(maxsize=256)(_parts)
