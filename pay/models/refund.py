"""Refunds of payments."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    select,
    text,
)

from pay.models.base import metadata
from pay.standards.identifiers import PaymentId, RefundId
from pay.standards.ledger import Share
from pay.standards.refund_states import RefundState
from shared.db import UtcDateTime

refunds = Table(
    "refunds",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("payment_id", String(26), ForeignKey("payments.id"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("provider_id", String(100)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # What each beneficiary gives back, where the payment has several: [[beneficiary, amount], …].
    Column("shares", JSON(none_as_null=True)),
    Column("settled_on", Date),
    CheckConstraint("amount_minor > 0", name="amount"),
    Index("ix_refunds_created_at", "created_at"),
    Index("ix_refunds_provider_id", "provider_id", postgresql_where=text("provider_id is not null")),
    Index("ix_refunds_unfinished", "updated_at", postgresql_where=text("state in ('CREATED', 'REFUND SUBMITTED')")),
)

UNFINISHED = (RefundState.CREATED.value, RefundState.SUBMITTED.value)


@dataclass(frozen=True)
class Refund:
    """A refund at one moment."""

    id: RefundId
    payment_id: PaymentId
    amount_minor: int
    state: RefundState
    version: int
    provider_id: str | None
    created_at: datetime
    updated_at: datetime
    shares: tuple[Share, ...]
    settled_on: date | None

    def shares_or(self, beneficiary: str) -> tuple[Share, ...]:
        """Return who gives back what; refunds of the first release say nothing, and are the account's own body's."""
        return self.shares or (Share(beneficiary, self.amount_minor),)


def refund_of(row: Row[*tuple[object, ...]]) -> Refund:
    """Return the refund a row of the table holds."""
    values = dict(row._mapping)
    shares = tuple(Share(*share) for share in values["shares"] or ())
    return Refund(**values | {"state": RefundState(values["state"]), "shares": shares})


def find_refund(connection: Connection, refund_id: RefundId, *, payment_id: PaymentId | None = None, lock: bool = False) -> Refund | None:
    """Return a refund, of the given payment where one is given."""
    statement = select(refunds).where(refunds.c.id == refund_id)
    if payment_id is not None:
        statement = statement.where(refunds.c.payment_id == payment_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else refund_of(row)


def list_unfinished(connection: Connection, before: datetime, *, limit: int) -> list[RefundId]:
    """Return the refunds that have not ended and that nobody touched since a moment, the oldest first."""
    c = refunds.c
    statement = select(c.id).where(c.state.in_(UNFINISHED), c.updated_at <= before).order_by(c.updated_at).limit(limit)
    return [RefundId(refund_id) for refund_id in connection.execute(statement).scalars()]


def list_refunds(connection: Connection, payment_id: PaymentId) -> list[Refund]:
    """Return the refunds of a payment, oldest first."""
    statement = select(refunds).where(refunds.c.payment_id == payment_id).order_by(refunds.c.created_at, refunds.c.id)
    return [refund_of(row) for row in connection.execute(statement)]
