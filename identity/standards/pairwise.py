"""Pairwise subjects.  Spec: OpenID Connect Core §8, identity-oidc §2.23."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class PairwiseKey:
    """The versioned key of new subjects; it is never rotated in place."""

    version: str
    key: bytes


def parse_key(text: str) -> PairwiseKey:
    """Read `version:base64 of at least 32 bytes`.  Raises: ValueError."""
    version, colon, encoded = text.partition(":")
    key = base64.b64decode(encoded, validate=True) if colon else b""
    if not version or len(key) < 32:
        raise ValueError("must be `version:base64 of at least 32 bytes`")
    return PairwiseKey(version, key)


def pairwise_sub(key: PairwiseKey, sector: str, person_id: UUID) -> str:
    """Return a person's subject in one sector: 43 characters."""
    message = f"{key.version}|{sector}|{person_id}".encode()
    return base64.urlsafe_b64encode(hmac.new(key.key, message, hashlib.sha256).digest()).rstrip(b"=").decode()
