"""User codes of the device authorization grant.  Spec: RFC 8628 §6.1, identity-oidc §2.19."""

import re

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""Consonants, so that no word comes out, and none that is taken for a figure."""
LENGTH = 8
LIFE_SECONDS, INTERVAL_SECONDS, SLOWER_SECONDS = 600, 5, 5
_OTHERS = re.compile(r"[^A-Z0-9]")


def shown(code: str) -> str:
    """Return a code in groups of four."""
    return f"{code[:4]}-{code[4:]}"


def read(typed: str) -> str | None:
    """Return the code that somebody typed: case, blanks and punctuation do not count; None where it cannot be one."""
    code = _OTHERS.sub("", typed.upper())
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None
