"""Idempotency keys: the same request twice is done once.

The key's row is written in the business transaction, so a second request with the key waits for the first one's commit
and then finds it; a first one that failed leaves nothing behind.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, String, Table, delete, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from shared.db import UtcDateTime, shared_metadata
from shared.problems import Conflict

if TYPE_CHECKING:
    from shared.transaction import Transaction

idempotency_keys = Table(
    "idempotency_keys",
    shared_metadata,
    Column("scope", String(120), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("result", JSONB, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)


class IdempotencyConflict(Conflict):
    """The key was used before for another request."""

    slug = "idempotency-conflict"
    status = 409
    title = "This idempotency key was used for another request"


@dataclass(frozen=True)
class Stored:
    """What the first request with this key left: usually the id of what it made."""

    result: dict[str, object]


def claim(connection: Connection, *, scope: str, key: str, fingerprint: str, result: dict[str, object], now: datetime) -> Stored | None:
    """Keep `result` under a key that is new and return None, or return what the first request kept.

    `scope` names the caller and the operation; `fingerprint` is a hash of the request.
    Waits while another transaction holds the key.  Raises: IdempotencyConflict when the fingerprint is another one.
    """
    row = {"scope": scope, "key": key, "fingerprint": fingerprint, "result": result, "created_at": now}
    statement = insert(idempotency_keys).values(row).on_conflict_do_nothing().returning(idempotency_keys.c.key)
    if connection.execute(statement).one_or_none() is not None:
        return None
    found = connection.execute(
        select(idempotency_keys.c.fingerprint, idempotency_keys.c.result).where(
            idempotency_keys.c.scope == scope, idempotency_keys.c.key == key
        )
    ).one()
    if found.fingerprint != fingerprint:
        raise IdempotencyConflict("Use a new key for a new request.")
    return Stored(found.result)


def forget_before(tx: "Transaction", moment: datetime) -> int:
    """Delete keys older than a moment; return how many."""
    return tx.forget(delete(idempotency_keys).where(idempotency_keys.c.created_at < moment))


def find(connection: Connection, *, scope: str, key: str, fingerprint: str) -> Stored | None:
    """Give what an earlier request with this key kept, or None.  Raises: IdempotencyConflict when that was another request."""
    wanted = select(idempotency_keys.c.fingerprint, idempotency_keys.c.result)
    found = connection.execute(wanted.where(idempotency_keys.c.scope == scope, idempotency_keys.c.key == key)).one_or_none()
    if found is None:
        return None
    if found.fingerprint != fingerprint:
        raise IdempotencyConflict("Use a new key for a new request.")
    return Stored(found.result)
