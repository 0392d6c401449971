"""Settlement files of the channels, and each line of them once.  Spec: pay-design.md §3, §13.11."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint, select

from pay.models.base import metadata
from shared.db import UtcDateTime

settlement_files = Table(
    "settlement_files",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("gateway", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("lines", Integer, nullable=False),
    Column("imported_by", String(200), nullable=False),
    Column("imported_at", UtcDateTime, nullable=False),
    UniqueConstraint("gateway", "sha256"),
)

settlement_lines = Table(
    "settlement_lines",
    metadata,
    Column("gateway", String(40), primary_key=True),
    # The channel's own name for the movement; a line that comes again, in whatever file, is the same line.
    Column("line_key", String(120), primary_key=True),
    Column("file_id", String(26), ForeignKey("settlement_files.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("provider_id", String(100), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("settled_on", Date, nullable=False),
    Column("result", String(15), nullable=False),
    Column("account_id", String(26)),
    Column("payment_id", String(26)),
    Column("refund_id", String(26)),
    Index("ix_settlement_lines_payment_id", "payment_id"),
    Index("ix_settlement_lines_settled_on", "settled_on", "gateway"),
)


@dataclass(frozen=True)
class SettlementFile:
    """A file that was imported."""

    gateway: str
    name: str
    lines: int
    imported_at: datetime


def list_files(connection: Connection, most: int) -> list[SettlementFile]:
    """Return the files that were imported last, the newest first."""
    c = settlement_files.c
    statement = select(c.gateway, c.name, c.lines, c.imported_at).order_by(c.imported_at.desc(), c.id).limit(most)
    return [SettlementFile(*row) for row in connection.execute(statement)]
