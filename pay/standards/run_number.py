"""RUN and RUT: the numbers of people and companies, with their check digit.  Spec: pay-design.md §7.3 (modulus 11)."""

import re

_WEIGHTS = (2, 3, 4, 5, 6, 7)


def check_digit(number: int) -> str:
    """Return the check digit, 0 to 9 or K."""
    total = sum(int(digit) * _WEIGHTS[place % len(_WEIGHTS)] for place, digit in enumerate(reversed(str(number))))
    return {10: "K", 11: "0"}.get(11 - total % 11, str(11 - total % 11))


def read_run(text: str) -> str | None:
    """Return `12345678-5` for what somebody typed, with or without dots; None when the check digit does not fit."""
    plain = re.sub(r"[.\s-]", "", text).upper()
    if not re.fullmatch(r"[1-9][0-9]{0,8}[0-9K]", plain) or check_digit(int(plain[:-1])) != plain[-1]:
        return None
    return f"{plain[:-1]}-{plain[-1]}"
