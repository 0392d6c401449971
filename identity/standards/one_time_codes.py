"""Codes that people read and type: for activation, recovery, messages.  Spec: identity-oidc §3.4, §3.6, §3.7."""

import re
import unicodedata

READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 signs, none taken for another: without 0, 1, I and O."""
DIGITS = "0123456789"
ACTIVATION_LENGTH = 10
"""50 bits."""
RECOVERY_LENGTH = 13
"""65 bits."""
RECOVERY_COUNT = 10
MESSAGE_LENGTH = 6


def canonical(text: str) -> str:
    """Return a code as it is compared: capitals, without blanks and hyphens."""
    return re.sub(r"[\s\-\u2010-\u2015]", "", unicodedata.normalize("NFKC", text)).upper()


def grouped(code: str) -> str:
    """Return a code as people read it: in groups of four."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))
