"""Notice numbers: 18 digits that a person can read aloud and a till can check.

Spec: pay-design.md §8 (1 version + 3 issuer + 12 random + 2 check digits); ISO/IEC 7064 MOD 97-10.
"""

import re
from typing import NewType

VERSION = "1"
ISSUER_DIGITS = 3
RANDOM_DIGITS = 12
LENGTH = 18
DIGITS = "0123456789"

NoticeNumber = NewType("NoticeNumber", str)


def check_digits(payload: str) -> str:
    """Return the two digits that make the whole number leave 1 when divided by 97."""
    return f"{98 - int(payload) * 100 % 97:02d}"


def make_number(issuer: str, random_digits: str) -> NoticeNumber:
    """Return a number.  Raises: ValueError for parts of another length."""
    payload = VERSION + issuer + random_digits
    if not re.fullmatch(f"[0-9]{{{LENGTH - 2}}}", payload) or len(issuer) != ISSUER_DIGITS:
        raise ValueError("an issuer has 3 digits, and 12 follow")
    return NoticeNumber(payload + check_digits(payload))


def read_number(text: str) -> NoticeNumber | None:
    """Return the number that somebody typed, with or without gaps; None when it is mistyped."""
    digits = re.sub(r"[\s.-]", "", text)
    if not re.fullmatch(f"{VERSION}[0-9]{{{LENGTH - 1}}}", digits) or int(digits) % 97 != 1:
        return None
    return NoticeNumber(digits)
