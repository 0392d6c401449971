"""Levels of authentication.  Spec: identity-oidc §2.26, RFC 8176."""

from collections.abc import Iterable

NS = "urn:andamio:"
ONE_FACTOR = NS + "acr:1"
TWO_FACTORS = NS + "acr:2"
LEVELS = (ONE_FACTOR, TWO_FACTORS)
"""What can be reached, lowest first."""


def acr_of(amr: Iterable[str]) -> str:
    """Return the level that a set of methods makes."""
    return TWO_FACTORS if {"pwd", "otp"} <= set(amr) else ONE_FACTOR


def satisfies(reached: str, wanted: str) -> bool:
    """Answer whether a level is at least another; an unknown wanted level is never reached."""
    return wanted in LEVELS and LEVELS.index(reached) >= LEVELS.index(wanted)


def wants_second_factor(acr_values: Iterable[str]) -> bool:
    """Answer whether the first level we know among the wished ones asks for two factors."""
    known = [value for value in acr_values if value in LEVELS]
    return bool(known) and known[0] == TWO_FACTORS
