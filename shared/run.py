"""The Chilean RUN: number and check digit.  Spec: identity-oidc §1.9 (RUN-1…RUN-7)."""

import re
from dataclasses import dataclass

HYPHENS = "-\u2010\u2011\u2012\u2013\u2014\u2212\ufe58\ufe63\uff0d"
FACTORS = (2, 3, 4, 5, 6, 7)
_GROUPED = re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,12})-?([0-9kK])")


class InvalidRun(ValueError):
    """The text is not a RUN: check the digits."""


@dataclass(frozen=True, order=True)
class Run:
    """A RUN as it is stored and compared: number and check digit (RUN-4)."""

    numero: int
    dv: str

    def __str__(self) -> str:
        """Return the canonical text, `12345678-5`."""
        return f"{self.numero}-{self.dv}"

    @property
    def shown(self) -> str:
        """Return the text for people, `12.345.678-5`."""
        return f"{self.numero:,}".replace(",", ".") + f"-{self.dv}"

    @property
    def rol_unico(self) -> dict[str, int | str]:
        """Return the wire form of the claim (CU-5)."""
        return {"numero": self.numero, "DV": self.dv, "tipo": "RUN"}


def check_digit(numero: int) -> str:
    """Return the check digit of a number (RUN-2)."""
    total = sum(int(digit) * FACTORS[place % len(FACTORS)] for place, digit in enumerate(reversed(str(numero))))
    rest = 11 - total % 11
    return {11: "0", 10: "K"}.get(rest, str(rest))


def parse_run(text: str) -> Run:
    """Read a RUN as people write it: dots, hyphen, small k, blanks and leading zeros allowed (RUN-3).

    Raises: InvalidRun.
    """
    if len(text) > 64:
        raise InvalidRun("too long")
    plain = text.strip().translate({ord(hyphen): "-" for hyphen in HYPHENS})
    found = _GROUPED.fullmatch(plain)
    if not found:
        raise InvalidRun("not of the form 12.345.678-5")
    numero, dv = int(found[1].replace(".", "")), found[2].upper()
    if not 1 <= numero <= 999_999_999:
        raise InvalidRun("number out of range")
    if check_digit(numero) != dv:
        raise InvalidRun("check digit does not fit")
    return Run(numero, dv)
