"""Payment links: a service takes payments without writing code.  Spec: pay-api.md §17."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Connection, ForeignKey, Row, String, Table, UniqueConstraint, select

from pay.models.base import metadata
from pay.standards.identifiers import AccountId
from shared.db import UtcDateTime

payment_links = Table(
    "payment_links",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False, index=True),
    Column("service_path", String(60), nullable=False),
    Column("product_path", String(60), nullable=False),
    Column("name", String(120), nullable=False),
    Column("description", String(255), nullable=False),
    # Absent: the payer types the amount.
    Column("price_minor", BigInteger),
    Column("amount_hint", String(200), nullable=False, server_default=""),
    Column("reference_enabled", Boolean, nullable=False),
    Column("reference_label", String(60), nullable=False, server_default=""),
    Column("reference_hint", String(200), nullable=False, server_default=""),
    Column("language", String(2), nullable=False),
    Column("is_active", Boolean, nullable=False, server_default="true"),
    Column("created_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("service_path", "product_path"),
    CheckConstraint("price_minor is null or price_minor > 0", name="price"),
)


@dataclass(frozen=True)
class PaymentLink:
    """A link at one moment."""

    id: str
    account_id: AccountId
    service_path: str
    product_path: str
    name: str
    description: str
    price_minor: int | None
    amount_hint: str
    reference_enabled: bool
    reference_label: str
    reference_hint: str
    language: str
    is_active: bool
    created_by: str
    created_at: datetime


def link_of(row: Row[*tuple[object, ...]]) -> PaymentLink:
    """Return the link a row of the table holds."""
    return PaymentLink(**row._mapping)


def find_link(connection: Connection, link_id: str) -> PaymentLink | None:
    """Return a link by its id."""
    row = connection.execute(select(payment_links).where(payment_links.c.id == link_id)).one_or_none()
    return None if row is None else link_of(row)


def find_link_by_path(connection: Connection, service_path: str, product_path: str) -> PaymentLink | None:
    """Return a link by its friendly address."""
    c = payment_links.c
    statement = select(payment_links).where(c.service_path == service_path, c.product_path == product_path)
    row = connection.execute(statement).one_or_none()
    return None if row is None else link_of(row)
