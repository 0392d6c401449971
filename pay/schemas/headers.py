"""Request headers of the public API.  Spec: pay-api.md §5.4."""

import re

from pay.errors import AttributeOutOfRange
from pay.operations.idempotency import IdempotencyKey, fingerprint
from pay.schemas.bodies import Body

HEADER = "Idempotency-Key"
_ALPHABET = re.compile(r"[A-Za-z0-9-]+")


def read_idempotency_key(value: str | None, body: Body | None = None) -> IdempotencyKey | None:
    """Return the caller's key with the fingerprint of the body, if there is one.  Raises: AttributeOutOfRange."""
    if value is None:
        return None
    if not 1 <= len(value) <= 255:
        raise AttributeOutOfRange("P0102", f"Header [{HEADER}] can have a size between 1 and 255", header=HEADER)
    if _ALPHABET.fullmatch(value) is None:
        raise AttributeOutOfRange("P0102", f"Header [{HEADER}] can only contain alphanumeric characters and hyphens", header=HEADER)
    return IdempotencyKey(value, fingerprint(body or {}))
