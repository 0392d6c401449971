"""Whose mailbox: a RUN with its check digit, or a pairwise subject identifier (OpenID Connect Core §8)."""

import re

MESSAGE = "Not a valid RUN or subject identifier"
_RUN = re.compile(r"0*([0-9]{1,8})-?([0-9Kk])")
_SUBJECT = re.compile(r"(?=[0-9._~-]*[A-Za-z])[A-Za-z0-9._~-]{8,255}")


class InvalidMailboxAddress(ValueError):
    """The text names no person."""


def mailbox_address(text: str) -> str:
    """Give the matched form: `run:11111111-1` or `pairwise:<subject>`.  Raises: InvalidMailboxAddress."""
    bare = text.strip()
    run = _RUN.fullmatch(bare.replace(".", "").replace(" ", ""))
    if run:
        digits, given = run[1], run[2].upper()
        if check_digit(digits) != given:
            raise InvalidMailboxAddress(MESSAGE)
        return f"run:{int(digits)}-{given}"
    if not _SUBJECT.fullmatch(bare):
        raise InvalidMailboxAddress(MESSAGE)
    return f"pairwise:{bare}"


def check_digit(digits: str) -> str:
    """Give the check digit of a RUN: modulo 11, factors 2 to 7 from the right."""
    total = sum(int(digit) * (2 + at % 6) for at, digit in enumerate(reversed(digits)))
    return "0123456789K"[(11 - total % 11) % 11]
