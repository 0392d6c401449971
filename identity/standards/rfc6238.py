"""Time-based one-time passwords.  Spec: RFC 6238, identity-oidc §3.2."""

import hmac
import re

import pyotp

STEP_SECONDS = 30
WINDOW_STEPS = 1
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
SECRET_CHARACTERS = 32
"""Base32 characters of a new secret: 160 bits."""
_CODE = re.compile(r"[0-9]{6}")


def accepted_step(secret: str, code: str, *, now: float, last_step: int | None) -> int | None:
    """Return the time step that a code belongs to, or None when it fits none.

    One step before and after now is taken; a step up to `last_step` is not, so that a code works once.
    """
    plain = re.sub(r"\s", "", code)
    if not _CODE.fullmatch(plain):
        return None
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    present = int(now) // STEP_SECONDS
    found: int | None = None
    for step in range(present - WINDOW_STEPS, present + WINDOW_STEPS + 1):
        fits = hmac.compare_digest(totp.generate_otp(step), plain)
        if fits and (last_step is None or step > last_step):
            found = step
    return found
