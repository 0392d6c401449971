"""What may leave the gate of what a register answered: the fields asked, of the declared kinds, and nothing else.

Spec: wallet contract §8.1.
"""

from collections.abc import Mapping
from datetime import date

TEXT_CHARACTERS_MAX = 4_000


class NotAsDeclared(Exception):
    """A field is missing or of another kind than the dataset declares; names the field, never its value."""


def released(values: Mapping[str, object], kinds: Mapping[str, str]) -> dict[str, str | int | float | bool | None]:
    """Return the asked fields (the keys of `kinds`) of an answer; every other is dropped.  Raises: NotAsDeclared."""
    result: dict[str, str | int | float | bool | None] = {}
    for name, kind in kinds.items():
        if name not in values:
            raise NotAsDeclared(name)
        result[name] = _checked(name, values[name], kind)
    return result


def _checked(name: str, value: object, kind: str) -> str | int | float | bool | None:
    if value is None:
        return None
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool) and value == value:  # noqa: PLR0124 - NaN differs from itself
        return value
    if (
        kind in {"string", "date"}
        and isinstance(value, str)
        and len(value) <= TEXT_CHARACTERS_MAX
        and (kind == "string" or _is_date(value))
    ):
        return value
    raise NotAsDeclared(name)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-11-21")
