"""The tables of performance, as a migration of each service makes them.  Frozen once released: a change is a new pair beside these."""

import sqlalchemy as sa
from alembic.operations import Operations

_KEY = (("service", 100), ("product", 40), ("channel", 20))


def create_v1(op: Operations) -> None:
    """Make the counts of days and answers, the questions that were answered, and the costs."""
    op.create_table(
        "performance_days",
        sa.Column("day", sa.Date, nullable=False),
        *(sa.Column(name, sa.String(length), nullable=False) for name, length in _KEY),
        sa.Column("service_name", sa.String(255), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("started", "completed", "failed", "avoidable")),
        sa.PrimaryKeyConstraint("day", "service", "product", "channel", name=op.f("pk_performance_days")),
    )
    op.create_table(
        "satisfaction_days",
        sa.Column("day", sa.Date, nullable=False),
        *(sa.Column(name, sa.String(length), nullable=False) for name, length in _KEY),
        sa.Column("mark", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("answers", sa.BigInteger, nullable=False),
        sa.CheckConstraint("mark between 1 and 7", name=op.f("ck_satisfaction_days_mark")),
        sa.PrimaryKeyConstraint("day", "service", "product", "channel", "mark", name=op.f("pk_satisfaction_days")),
    )
    op.create_table(
        "satisfaction_answered",
        sa.Column("question", sa.LargeBinary, nullable=False),
        sa.Column("expires_on", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("question", name=op.f("pk_satisfaction_answered")),
    )
    op.create_index(op.f("ix_satisfaction_answered_expires_on"), "satisfaction_answered", ["expires_on"])
    op.create_table(
        "service_costs",
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("service", sa.String(100), nullable=False),
        sa.Column("product", sa.String(40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_service_costs_amount")),
        sa.PrimaryKeyConstraint("month", "service", "product", name=op.f("pk_service_costs")),
    )


def drop_v1(op: Operations) -> None:
    """Drop what `create_v1` made."""
    for table in ("service_costs", "satisfaction_answered", "satisfaction_days", "performance_days"):
        op.drop_table(table)
