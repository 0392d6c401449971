"""The caller's Idempotency-Key: one effect, whatever the number of requests.  Spec: pay-api.md §5.4, §25."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from pay.errors import IdempotencyKeyReused
from shared.idempotency import IdempotencyConflict, claim
from shared.transaction import Transaction


@dataclass(frozen=True)
class IdempotencyKey:
    """The caller's key and a hash of the request it came with."""

    key: str
    fingerprint: str


def fingerprint(body: Mapping[str, object]) -> str:
    """Return a hash of the parsed body: the order of members and white space do not count.  Spec: pay-api.md §5.4."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def claim_key(tx: Transaction, key: IdempotencyKey, *, scope: str, result_id: str, now: datetime) -> str | None:
    """Keep an id under the caller's key, or return the id that the first request kept.

    Raises: IdempotencyKeyReused for another body, and while the first request is still running.  Spec: §5.4, §25.
    """
    free = select(func.pg_try_advisory_xact_lock(func.hashtextextended(f"{scope}:{key.key}", 0)))
    if not tx.connection.execute(free).scalar_one():
        raise IdempotencyKeyReused
    try:
        stored = claim(tx.connection, scope=scope, key=key.key, fingerprint=key.fingerprint, result={"id": result_id}, now=now)
    except IdempotencyConflict:
        raise IdempotencyKeyReused from None
    return None if stored is None else str(stored.result["id"])
