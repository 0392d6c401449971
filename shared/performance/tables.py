"""The tables of performance, in the metadata that every service's migrations include.  No row is about a person."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Index, LargeBinary, SmallInteger, String, Table

from shared.db import shared_metadata

performance_days = Table(
    "performance_days",
    shared_metadata,
    Column("day", Date, primary_key=True),
    Column("service", String(100), primary_key=True),
    Column("product", String(40), primary_key=True),
    Column("channel", String(20), primary_key=True),
    Column("service_name", String(255), nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("completed", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("avoidable", BigInteger, nullable=False),
)
"""Interactions by the day (UTC) on which they began, and what became of them."""

satisfaction_days = Table(
    "satisfaction_days",
    shared_metadata,
    Column("day", Date, primary_key=True),
    Column("service", String(100), primary_key=True),
    Column("product", String(40), primary_key=True),
    Column("channel", String(20), primary_key=True),
    Column("mark", SmallInteger, primary_key=True, autoincrement=False),
    Column("answers", BigInteger, nullable=False),
    CheckConstraint("mark between 1 and 7", name="mark"),
)
"""How many gave each mark on a day."""

satisfaction_answered = Table(
    "satisfaction_answered",
    shared_metadata,
    Column("question", LargeBinary, primary_key=True),
    Column("expires_on", Date, nullable=False),
    Index(None, "expires_on"),
)
"""Questions that have their answer, until they could not be answered any more; not what the answer was."""

service_costs = Table(
    "service_costs",
    shared_metadata,
    Column("month", Date, primary_key=True),
    Column("service", String(100), primary_key=True),
    Column("product", String(40), primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    CheckConstraint("amount_minor >= 0", name="amount"),
)
"""What a service says one of its products cost it in a month; `month` is the first of it."""
