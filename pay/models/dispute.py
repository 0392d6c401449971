"""Disputes that card holders opened at their bank.  Spec: pay-api.md §11."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Index,
    Row,
    String,
    Table,
    UniqueConstraint,
    select,
)

from pay.models.base import metadata
from pay.standards.dispute_states import DisputeState
from pay.standards.identifiers import AccountId, DisputeId, PaymentId
from shared.db import UtcDateTime

disputes = Table(
    "disputes",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("payment_id", String(26), ForeignKey("payments.id"), nullable=False, index=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False),
    Column("gateway", String(40), nullable=False),
    Column("provider_id", String(100), nullable=False),
    Column("state", String(20), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False, server_default="0"),
    Column("reason", String(40), nullable=False),
    Column("evidence_due_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("settled_on", Date),
    CheckConstraint("amount_minor > 0", name="amount"),
    UniqueConstraint("gateway", "provider_id"),
    Index("ix_disputes_account_id_created_at", "account_id", "created_at", "id"),
)


@dataclass(frozen=True)
class Dispute:
    """A dispute at one moment."""

    id: DisputeId
    payment_id: PaymentId
    account_id: AccountId
    gateway: str
    provider_id: str
    state: DisputeState
    amount_minor: int
    fee_minor: int
    reason: str
    evidence_due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    settled_on: date | None


def dispute_of(row: Row[Any]) -> Dispute:
    """Return the dispute a row of the table holds."""
    values = dict(row._mapping)
    return Dispute(**values | {"state": DisputeState(values["state"])})


def find_dispute(connection: Connection, gateway: str, provider_id: str, *, lock: bool = False) -> Dispute | None:
    """Return the dispute that a provider knows by this name."""
    statement = select(disputes).where(disputes.c.gateway == gateway, disputes.c.provider_id == provider_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else dispute_of(row)


def get_dispute(connection: Connection, dispute_id: str, *, account_id: AccountId | None = None, lock: bool = False) -> Dispute | None:
    """Return a dispute, of the given account where one is given."""
    statement = select(disputes).where(disputes.c.id == dispute_id)
    if account_id is not None:
        statement = statement.where(disputes.c.account_id == account_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else dispute_of(row)


def is_disputed(connection: Connection, payment_id: PaymentId) -> bool:
    """Answer whether a dispute about a payment is open or was lost: what was taken is not there to be given back."""
    against = [state.value for state in DisputeState if state is not DisputeState.WON]
    statement = select(disputes.c.id).where(disputes.c.payment_id == payment_id, disputes.c.state.in_(against)).limit(1)
    return connection.execute(statement).one_or_none() is not None
