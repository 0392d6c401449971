"""Webhook signatures and the times of the attempts.  Spec: pay-api.md §15."""

import hmac
from datetime import timedelta

HEADER = "Pay-Signature"
RETRY_AFTER = (timedelta(seconds=60), timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=2))
"""How long after each failure the next attempt is made; after the sixth failure the message is given up."""


def sign(body: bytes, signing_key: str) -> str:
    """Return the lower-case hex HMAC-SHA256 over the raw body."""
    return hmac.digest(signing_key.encode(), body, "sha256").hex()


def retry_after(failures: int) -> timedelta | None:
    """Return how long to wait after the given number of failures (1 is the first), or None to give up."""
    return RETRY_AFTER[failures - 1] if failures <= len(RETRY_AFTER) else None
