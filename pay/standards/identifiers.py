"""The ids of the public API: 26 characters of base 32.

Spec: pay-api.md §1 (a random 130-bit integer in base 32, left-padded with zeros).
26 characters of 5 bits each are exactly those 130 bits, so picking each character is the same as drawing the integer.
"""

import re
from typing import NewType

ALPHABET = "0123456789abcdefghijklmnopqrstuv"
LENGTH = 26

PaymentId = NewType("PaymentId", str)
RefundId = NewType("RefundId", str)
AccountId = NewType("AccountId", str)
AgreementId = NewType("AgreementId", str)
DisputeId = NewType("DisputeId", str)
PayoutId = NewType("PayoutId", str)

_FORM = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


def is_public_id(value: str) -> bool:
    """Answer whether a text has the form of an id; others need no look-up."""
    return _FORM.fullmatch(value) is not None
