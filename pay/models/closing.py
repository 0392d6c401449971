"""Months that offices have closed, and the files that each was closed with; triggers refuse change.  Spec: PA-1, PA-3."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Connection, Date, ForeignKey, LargeBinary, PrimaryKeyConstraint, String, Table, select

from pay.models.base import metadata
from pay.standards.identifiers import AccountId
from shared.db import UtcDateTime

month_closings = Table(
    "month_closings",
    metadata,
    Column("organisation_id", String(100), nullable=False),
    Column("month", Date, nullable=False),
    # The last posting that the month may hold: what is written later under an earlier day is in the next month.
    Column("last_transaction", BigInteger, nullable=False),
    Column("closed_by", String(200), nullable=False),
    Column("closed_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("organisation_id", "month"),
)

month_files = Table(
    "month_files",
    metadata,
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False),
    Column("month", Date, nullable=False),
    Column("name", String(20), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    PrimaryKeyConstraint("account_id", "month", "name"),
)


@dataclass(frozen=True)
class Closing:
    """A month that an office has closed."""

    organisation_id: str
    month: date
    last_transaction: int
    closed_by: str
    closed_at: datetime


def find_closing(connection: Connection, organisation_id: str, month: date) -> Closing | None:
    """Return the closing of an office's month."""
    c = month_closings.c
    row = connection.execute(select(month_closings).where(c.organisation_id == organisation_id, c.month == month)).one_or_none()
    return None if row is None else Closing(**row._mapping)


def last_closed(connection: Connection, organisation_id: str) -> date | None:
    """Return the last month that an office has closed."""
    c = month_closings.c
    statement = select(c.month).where(c.organisation_id == organisation_id).order_by(c.month.desc()).limit(1)
    return connection.execute(statement).scalar_one_or_none()


def find_file(connection: Connection, account_id: AccountId, month: date, name: str) -> bytes | None:
    """Return a file, compressed, as the month was closed with it."""
    c = month_files.c
    statement = select(c.content).where(c.account_id == account_id, c.month == month, c.name == name)
    return connection.execute(statement).scalar_one_or_none()
