"""References of payment links: made by us, or typed and never a card number.  Spec: pay-api.md §17."""

import re
from collections.abc import Callable

from pay.standards.cards import MAX_DIGITS, MIN_DIGITS, brand_of, luhn_valid

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "23456789"
LENGTH = 10
FORCED_EVERY = 4
_RUN_OF_DIGITS = re.compile(r"[0-9](?:[ -]?[0-9])+")


def make_reference(pick: Callable[[str, int], str]) -> str:
    """Return 10 upper-case letters and digits without look-alikes; each fourth is a digit, so that no word appears."""
    return "".join(pick(DIGITS if place % FORCED_EVERY == 0 else LETTERS + DIGITS, 1) for place in range(1, LENGTH + 1))


def holds_real_card_number(text: str) -> bool:
    """Answer whether a text holds a number that a card could have: 12 to 19 digits, Luhn, a known range."""
    for run in _RUN_OF_DIGITS.findall(text):
        digits = re.sub(r"[ -]", "", run)
        for length in range(MIN_DIGITS, min(MAX_DIGITS, len(digits)) + 1):
            for start in range(len(digits) - length + 1):
                part = digits[start : start + length]
                if luhn_valid(part) and brand_of(part) is not None and (length == len(digits) or len(digits) > MAX_DIGITS):
                    return True
    return False
