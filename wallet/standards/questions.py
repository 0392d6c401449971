"""A question that is answered yes or no: the value is compared here and does not leave the gate.  Spec: wallet contract §3, §8.2."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

QUERY: Final = "query"
"""The mode of a permission for such questions alone, and the action of a token by it."""
UNKNOWN: Final = "unknown"
Result = bool | str
"""True, False, or `unknown` where the register knows no value or no such person."""


class Operator(StrEnum):
    """How a value is compared."""

    EQUALS = "equals"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


ORDERED = frozenset({"number", "date"})
"""Kinds of which one can be more than another."""


class NoSuchQuestion(Exception):
    """The question does not fit the kind of its field."""


@dataclass(frozen=True)
class Question:
    """Whether a field equals a value, or is at least or at most it."""

    field: str
    operator: Operator
    value: str | int | float | bool


def check(question: Question, kind: str) -> None:
    """Hold a question against the declared kind of its field.  Raises: NoSuchQuestion."""
    if question.operator is not Operator.EQUALS and kind not in ORDERED:
        raise NoSuchQuestion("order")
    value = question.value
    fits = {
        "boolean": isinstance(value, bool),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "string": isinstance(value, str),
        "date": isinstance(value, str) and _is_date(value),
    }
    if not fits.get(kind, False):
        raise NoSuchQuestion("kind")


def answer(question: Question, values: Mapping[str, str | int | float | bool | None] | None) -> Result:
    """Return the answer by what a register said, already held against its declaration."""
    value = None if values is None else values.get(question.field)
    if value is None:
        return UNKNOWN
    asked = question.value
    if question.operator is Operator.EQUALS:
        return value == asked
    left, right = (value, asked) if question.operator is Operator.AT_LEAST else (asked, value)
    # Dates of one form are ordered as texts; both sides are of one kind, by `check` and by the declaration.
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and left >= right
    return left >= right


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
