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
FILLED_CHARACTERS_MAX = 10_000_000
KEY_KEPT_CHARACTERS_MAX = 64
TEXT_KEPT_CHARACTERS_MAX = 20_000
_KEY_NOISE = str.maketrans("", "", " _-")
_SPACES = re.compile(r"\s+")


class FilledTooLong(ValueError):
    """A short text would become one that nobody can send, and that might fill the memory."""

    def __init__(self, characters: int) -> None:
        super().__init__(f"{characters} characters")
        self.characters = characters


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


def fill(text: str, values: Mapping[str, Value], *, write_list: WriteList = inline_list, most: int = FILLED_CHARACTERS_MAX) -> str:
    """Put values in the place of placeholders; those without a value stay as they are.  Raises: FilledTooLong, before it is made."""
    by_key = {same_key(key): value for key, value in values.items()}
    parts = _known_parts(text) if len(text) <= TEXT_KEPT_CHARACTERS_MAX else _parts(text)
    written: dict[str, str] = {}
    filled = [part if isinstance(part, str) else part.filled(by_key, write_list, written) for part in parts]
    characters = sum(map(len, filled))
    if characters > most:
        raise FilledTooLong(characters)
    return "".join(filled)


def fill_line(text: str, values: Mapping[str, Value]) -> str:
    """Fill a text that must stay one line (a subject): newlines become spaces, so no header can be injected.  Raises: FilledTooLong."""
    return _SPACES.sub(_on_one_line, fill(text, values)).strip()


def _on_one_line(spaces: re.Match[str]) -> str:
    return " " if "\n" in spaces[0] or "\r" in spaces[0] else spaces[0]


class _Place(NamedTuple):
    """A placeholder: as it is written, the key of its value, and what a conditional one shows."""

    written: str
    key: str
    shown: str | None

    def filled(self, by_key: Mapping[str, Value], write_list: WriteList, written: dict[str, str]) -> str:
        """Give what stands here; `written` holds what was written of values, so that one that comes often is written once."""
        value = by_key.get(self.key)
        if value is None:
            return self.written
        if self.shown is not None:
            return self.shown if str(value).lower() in YES else ""
        if isinstance(value, str):
            return value
        if self.key not in written:
            written[self.key] = write_list(value) if isinstance(value, list) else str(value)
        return written[self.key]


def _parts(text: str) -> tuple[str | _Place, ...]:
    parts: list[str | _Place] = []
    at = 0
    for match in PLACEHOLDER.finditer(text):
        name, conditional, shown = match[1].partition("??")
        parts += (text[at : match.start()], _Place(match[0], same_key(name), shown if conditional else None))
        at = match.end()
    return (*parts, text[at:])


_known_parts = lru_cache(maxsize=256)(_parts)
