"""Money that matches nothing: a second payment, a wrong amount, a payment nobody waits for.  A work list, never dropped.

Spec: pay-design.md §3, §8.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Row,
    String,
    Table,
    UniqueConstraint,
    select,
    text,
)

from pay.models.base import metadata
from pay.standards.suspense_states import SuspenseReason, SuspenseState
from shared.db import UtcDateTime

suspense_items = Table(
    "suspense_items",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("channel", String(40), nullable=False),
    # What the channel calls this money: with the channel it is unique, so the same money is booked once.
    Column("provider_id", String(100), nullable=False),
    Column("account_id", String(26)),
    Column("payment_id", String(26), index=True),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("reason", String(20), nullable=False),
    Column("state", String(15), nullable=False),
    Column("note", String(200), nullable=False, server_default=""),
    # Who proposed what becomes of it, and the account whose office it is for, where that is the proposal.
    Column("proposed_by", String(200)),
    Column("proposed_account_id", String(26), ForeignKey("gateway_accounts.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_by", String(200)),
    CheckConstraint("amount_minor > 0", name="amount"),
    # The last guard of the second person, for money that belongs to no account.
    CheckConstraint("account_id is not null or closed_by is null or closed_by <> proposed_by", name="two_persons"),
    UniqueConstraint("channel", "provider_id"),
    Index("ix_suspense_items_open", "account_id", "created_at", postgresql_where=text("closed_at is null")),
)


@dataclass(frozen=True)
class SuspenseItem:
    """One sum in suspense."""

    id: str
    channel: str
    provider_id: str
    account_id: str | None
    payment_id: str | None
    currency: str
    amount_minor: int
    reason: SuspenseReason
    state: SuspenseState
    note: str
    created_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    proposed_by: str | None = None
    proposed_account_id: str | None = None


def item_of(row: Row[Any]) -> SuspenseItem:
    """Return the item a row of the table holds."""
    values = dict(row._mapping)
    return SuspenseItem(**values | {"reason": SuspenseReason(values["reason"]), "state": SuspenseState(values["state"])})


def find_item(connection: Connection, item_id: str, *, lock: bool = False) -> SuspenseItem | None:
    """Return an item by its id."""
    statement = select(suspense_items).where(suspense_items.c.id == item_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else item_of(row)
