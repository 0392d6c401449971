"""What was paid to bodies and partners, each with the entries of the books that it settles: an entry is settled once.

Spec: pay-design.md §3 (remittance to the body), §7.3, §8.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Row,
    String,
    Table,
    UniqueConstraint,
    select,
)

from pay.models.base import metadata
from pay.standards.remittance_files import DEFAULT, RemittanceFormat
from shared.db import UtcDateTime

remittances = Table(
    "remittances",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account_code", String(160), nullable=False),
    Column("currency", String(3), nullable=False),
    # All that was booked until the end of this day in Santiago.
    Column("day", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("made_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount"),
    UniqueConstraint("account_code", "currency", "day"),
)

remittance_entries = Table(
    "remittance_entries",
    metadata,
    Column("entry_id", BigInteger, ForeignKey("ledger_entries.id"), primary_key=True, autoincrement=False),
    Column("remittance_id", String(26), ForeignKey("remittances.id"), nullable=False, index=True),
)

remittance_formats = Table(
    "remittance_formats",
    metadata,
    Column("account_code", String(160), primary_key=True),
    Column("columns", ARRAY(String(20)), nullable=False),
    Column("separator", String(1), nullable=False),
    Column("days", String(10), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class Remittance:
    """One transfer to who was owed."""

    id: str
    account_code: str
    currency: str
    day: date
    amount_minor: int
    made_by: str
    created_at: datetime


def remittance_of(row: Row[*tuple[object, ...]]) -> Remittance:
    """Return the remittance a row of the table holds."""
    return Remittance(**row._mapping)


def find_remittance(connection: Connection, remittance_id: str) -> Remittance | None:
    """Return a remittance by its id."""
    row = connection.execute(select(remittances).where(remittances.c.id == remittance_id)).one_or_none()
    return None if row is None else remittance_of(row)


def find_of_day(connection: Connection, account_code: str, currency: str, day: date) -> Remittance | None:
    """Return the remittance of a day."""
    c = remittances.c
    statement = select(remittances).where(c.account_code == account_code, c.currency == currency, c.day == day)
    row = connection.execute(statement).one_or_none()
    return None if row is None else remittance_of(row)


def format_of(connection: Connection, account_code: str) -> RemittanceFormat:
    """Return how a body wants its file."""
    row = connection.execute(select(remittance_formats).where(remittance_formats.c.account_code == account_code)).one_or_none()
    return DEFAULT if row is None else RemittanceFormat(tuple(row.columns), row.separator, row.days)
