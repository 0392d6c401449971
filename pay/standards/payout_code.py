"""The code with which a person fetches cash: 12 digits that can be read aloud, the last two of which tell mistyped ones.

Spec: pay-design.md §8 (MOD 97-10); requirements PA-8.
"""

import re

from pay.standards.notice_number import check_digits

RANDOM_DIGITS = 10
LENGTH = RANDOM_DIGITS + 2


def make_code(random_digits: str) -> str:
    """Return a code.  Raises: ValueError for another length."""
    if not re.fullmatch(f"[0-9]{{{RANDOM_DIGITS}}}", random_digits):
        raise ValueError("a code is made of 10 digits")
    return random_digits + check_digits(random_digits)


def read_code(text: str) -> str | None:
    """Return the code that somebody typed, with or without gaps; None when it is mistyped."""
    digits = re.sub(r"[\s.-]", "", text)
    if not re.fullmatch(f"[0-9]{{{LENGTH}}}", digits, re.ASCII) or int(digits) % 97 != 1:
        return None
    return digits
