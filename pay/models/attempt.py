"""Attempts: one row a call to a gateway, written before the call.  Spec: pay-design.md §4.2."""

from datetime import datetime

from sqlalchemy import Column, Connection, ForeignKey, String, Table, update
from sqlalchemy.dialects.postgresql import insert

from pay.models.base import metadata
from pay.providers.base import Action, Outcome
from shared.db import UtcDateTime

PENDING = "pending"

attempts = Table(
    "attempts",
    metadata,
    Column("reference", String(80), primary_key=True),
    Column("payment_id", String(26), ForeignKey("payments.id"), nullable=False, index=True),
    Column("action", String(20), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("provider_id", String(100)),
    Column("reason", String(200)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
)


def reference_of(action: Action, object_id: str) -> str:
    """Return our name for the one call of a kind that an object gets; a gateway does it at most once."""
    return f"{action.value}-{object_id}"


def open_attempt(connection: Connection, reference: str, payment_id: str, action: Action, now: datetime) -> None:
    """Write down that a gateway is about to be called; a resumed call finds its row there."""
    row = {"reference": reference, "payment_id": payment_id, "action": action.value, "verdict": PENDING, "created_at": now}
    connection.execute(insert(attempts).values(row).on_conflict_do_nothing())


def close_attempt(connection: Connection, reference: str, outcome: Outcome, now: datetime) -> None:
    """Write down what the gateway answered."""
    values = {"verdict": outcome.verdict.value, "provider_id": outcome.provider_id, "reason": outcome.reason[:200], "answered_at": now}
    connection.execute(update(attempts).where(attempts.c.reference == reference).values(values))
