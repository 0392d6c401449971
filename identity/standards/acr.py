"""Levels of authentication.  Spec: identity-oidc §2.26, RFC 8176."""

from collections.abc import Iterable
from datetime import datetime, timedelta

NS = "urn:andamio:"
ONE_FACTOR = NS + "acr:1"
TWO_FACTORS = NS + "acr:2"
PHISHING_RESISTANT = NS + "acr:3"
LEVELS = (ONE_FACTOR, TWO_FACTORS, PHISHING_RESISTANT)
"""What can be reached, lowest first."""
ASSISTED = NS + "acr:assisted"
"""An agent checked who it is; the person signed in with nothing of their own (§4.2)."""
LIVES = {TWO_FACTORS: timedelta(hours=12), PHISHING_RESISTANT: timedelta(minutes=15)}
"""How long a level lasts before it decays to the one below; the sign-in itself does not."""


def acr_of(amr: Iterable[str]) -> str:
    """Return the level that a set of methods makes."""
    methods = set(amr)
    if "user" in methods and methods & {"hwk", "swk"}:
        return PHISHING_RESISTANT
    return TWO_FACTORS if "pwd" in methods and methods & {"otp", "sms", "mfa"} else ONE_FACTOR


def decayed(acr: str, reached_at: datetime, now: datetime) -> str:
    """Return what is left of a level that was reached at a time."""
    if acr == PHISHING_RESISTANT and now - reached_at >= LIVES[acr]:
        acr = TWO_FACTORS
    if acr == TWO_FACTORS and now - reached_at >= LIVES[acr]:
        acr = ONE_FACTOR
    return acr


def satisfies(reached: str, wanted: str) -> bool:
    """Answer whether a level is at least another; an unknown wanted level is never reached."""
    return wanted in LEVELS and reached in LEVELS and LEVELS.index(reached) >= LEVELS.index(wanted)


def wanted_level(acr_values: Iterable[str]) -> str | None:
    """Return the first level we know among the wished ones, or None."""
    return next((value for value in acr_values if value in LEVELS), None)
