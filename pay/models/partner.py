"""Partners that take money for us (banks, shops, municipal counters), their keys, and each receipt they sent.

A receipt is kept whether or not its money fits a notice: what fits none is in suspense.  Spec: pay-design.md §8.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    select,
)

from pay.models.base import metadata
from shared.db import UtcDateTime

partners = Table(
    "partners",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("max_amount_minor", BigInteger),
    Column("disabled_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
)

partner_keys = Table(
    "partner_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("partner_id", String(26), ForeignKey("partners.id"), nullable=False, index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
)

partner_receipts = Table(
    "partner_receipts",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("partner_id", String(26), ForeignKey("partners.id"), nullable=False),
    Column("receipt_number", String(40), nullable=False),
    Column("number", String(40), nullable=False),
    Column("payment_id", String(26), ForeignKey("payments.id"), index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("branch", String(60), nullable=False),
    Column("paid_at", UtcDateTime, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("partner_id", "receipt_number"),
    CheckConstraint("amount_minor > 0", name="amount"),
    Index("ix_partner_receipts_paid_at", "paid_at"),
)


@dataclass(frozen=True)
class Partner:
    """A party that takes money for us; `max_amount_minor` is the most it takes at once."""

    id: str
    name: str
    max_amount_minor: int | None
    disabled_at: datetime | None

    @property
    def actor(self) -> str:
        """The name the audit log knows the partner by."""
        return f"partner:{self.id}"


@dataclass(frozen=True)
class Receipt:
    """What a partner says it took, and what we made of it: `applied`, or why the money is in suspense."""

    id: str
    partner_id: str
    receipt_number: str
    number: str
    payment_id: str | None
    amount_minor: int
    currency: str
    branch: str
    paid_at: datetime
    outcome: str
    created_at: datetime


def find_partner_by_key(connection: Connection, token_hash: bytes) -> Partner | None:
    """Return who holds a key that is not revoked."""
    c = partners.c
    statement = (
        select(c.id, c.name, c.max_amount_minor, c.disabled_at)
        .join(partner_keys, partner_keys.c.partner_id == c.id)
        .where(partner_keys.c.token_hash == token_hash, partner_keys.c.revoked_at.is_(None))
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else Partner(*row)


def find_partner(connection: Connection, partner_id: str) -> Partner | None:
    """Return a partner by its id."""
    c = partners.c
    row = connection.execute(select(c.id, c.name, c.max_amount_minor, c.disabled_at).where(c.id == partner_id)).one_or_none()
    return None if row is None else Partner(*row)


def receipt_of(row: Row[*tuple[object, ...]]) -> Receipt:
    """Return the receipt a row of the table holds."""
    return Receipt(**row._mapping)


def find_receipt(connection: Connection, partner_id: str, receipt_number: str) -> Receipt | None:
    """Return a partner's receipt."""
    c = partner_receipts.c
    row = connection.execute(select(partner_receipts).where(c.partner_id == partner_id, c.receipt_number == receipt_number)).one_or_none()
    return None if row is None else receipt_of(row)
