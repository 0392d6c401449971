"""Attempts: one row a call to a gateway, written before the call.  Spec: pay-design.md §4.2."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Connection, ForeignKey, Index, Row, String, Table, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert

from pay.models.base import metadata
from pay.providers.base import Action, Begun, Order, Outcome
from pay.standards.identifiers import PaymentId
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
    Column("gateway", String(40)),
    Column("amount_minor", BigInteger),
    # The provider's name for the attempt before it has an outcome, and where the payer is sent: only for pages of a provider.
    Column("token", String(255)),
    Column("redirect", JSON(none_as_null=True)),
    # What the provider must be told again at a refund: its codes, never a card.
    Column("facts", JSON(none_as_null=True)),
    Index("ix_attempts_token", "gateway", "token", unique=True, postgresql_where=text("token is not null")),
)


def reference_of(action: Action, object_id: str) -> str:
    """Return our name for the one call of a kind that an object gets; a gateway does it at most once."""
    return f"{action.value}-{object_id}"


# Made once: making a statement takes longer than running it.
_OPEN = insert(attempts).on_conflict_do_nothing()
_CLOSE = (
    update(attempts)
    .where(attempts.c.reference == bindparam("of_reference"))
    .values({name: bindparam(f"to_{name}") for name in ("verdict", "provider_id", "reason", "answered_at")})
)


def open_attempt(connection: Connection, order: Order, gateway: str, now: datetime) -> None:
    """Write down that a gateway is about to be called; a resumed call finds its row there."""
    row = {
        "reference": order.reference,
        "payment_id": order.payment_id,
        "action": order.action.value,
        "verdict": PENDING,
        "created_at": now,
        "gateway": gateway,
        "amount_minor": order.amount_minor,
    }
    connection.execute(_OPEN, row)


def close_attempt(connection: Connection, reference: str, outcome: Outcome, now: datetime) -> None:
    """Write down what the gateway answered."""
    facts = dict(outcome.facts) | ({"instrument_token": outcome.instrument_token} if outcome.instrument_token else {})
    values = {"verdict": outcome.verdict.value, "provider_id": outcome.provider_id, "reason": outcome.reason[:200], "answered_at": now}
    if facts:
        connection.execute(update(attempts).where(attempts.c.reference == reference).values(values | {"facts": facts}))
    else:
        connection.execute(_CLOSE, {"of_reference": reference} | {f"to_{name}": value for name, value in values.items()})


def keep_redirect(connection: Connection, reference: str, begun: Begun) -> None:
    """Write down the provider's token, and where the payer is sent."""
    redirect = {"url": begun.url, "method": begun.method, "fields": dict(begun.fields)}
    connection.execute(update(attempts).where(attempts.c.reference == reference).values(token=begun.token, redirect=redirect))


@dataclass(frozen=True)
class Attempt:
    """One attempt on a provider's page."""

    reference: str
    payment_id: PaymentId
    gateway: str
    amount_minor: int
    verdict: str
    token: str
    redirect: Begun | None


def _attempt(row: Row[Any]) -> Attempt:
    sent = row.redirect
    begun = Begun(row.token or "", sent["url"], sent["method"], sent["fields"]) if sent else None
    found = PaymentId(row.payment_id)
    return Attempt(row.reference, found, row.gateway or "", row.amount_minor or 0, row.verdict, row.token or "", begun)


def find_attempt(connection: Connection, gateway: str, *, reference: str | None = None, token: str | None = None) -> Attempt | None:
    """Return an authorisation at a gateway by our name for it, or by the provider's."""
    named = attempts.c.reference == reference if reference is not None else attempts.c.token == token
    statement = select(attempts).where(named, attempts.c.gateway == gateway, attempts.c.action == Action.AUTHORISE.value)
    row = connection.execute(statement).one_or_none()
    return None if row is None else _attempt(row)


def facts_of(connection: Connection, reference: str) -> dict[str, str]:
    """Return what a provider must be told again about an attempt."""
    return connection.execute(select(attempts.c.facts).where(attempts.c.reference == reference)).scalar_one_or_none() or {}
