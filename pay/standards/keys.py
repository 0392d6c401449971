"""API keys: PREFIX + RANDOM + CHECKSUM, refused by their checksum before any look-up.

Spec: pay-api.md §2.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from enum import StrEnum

from pay.standards.identifiers import ALPHABET, LENGTH

CHECKSUM_LENGTH = 32
_TOKEN = re.compile(f"(?:api_live_|api_test_)?[{ALPHABET}]{{{LENGTH}}}")


class KeyPrefix(StrEnum):
    """What a key begins with; it informs, the account behind the key decides."""

    LIVE = "api_live_"
    TEST = "api_test_"
    NONE = ""


def checksum(token: str, secret: bytes) -> str:
    """Return base32hex of HMAC-SHA1 over the token, prefix included: 20 bytes make exactly 32 characters."""
    return base64.b32hexencode(hmac.digest(secret, token.encode(), hashlib.sha1)).decode().lower()


def make_key(token: str, secret: bytes) -> str:
    """Return the whole key of a token."""
    return token + checksum(token, secret)


def read_key(key: str, secret: bytes) -> str | None:
    """Return the token of a key, or None when it is too short, of another form, or mistyped."""
    if len(key) <= CHECKSUM_LENGTH or not key.isascii():
        return None
    token, given = key[:-CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
    if not hmac.compare_digest(checksum(token, secret), given) or _TOKEN.fullmatch(token) is None:
        return None
    return token


def token_hash(token: str, secret: bytes) -> bytes:
    """Return the form in which a token is kept: a keyed hash, so that a copy of the table opens nothing."""
    return hmac.digest(secret, token.encode(), "sha256")


def kept_form(key: str, secrets: Iterable[bytes]) -> bytes | None:
    """Return the form in which the token of a key is kept, by the secret under which its checksum is right; None where under none."""
    for secret in secrets:
        token = read_key(key, secret)
        if token is not None:
            return token_hash(token, secret)
    return None
