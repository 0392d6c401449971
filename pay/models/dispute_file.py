"""Files that stand beside an answer to a dispute: name and content, sealed."""

from sqlalchemy import Column, Connection, ForeignKey, Integer, LargeBinary, PrimaryKeyConstraint, String, Table, select

from pay.models.base import metadata
from shared.db import UtcDateTime

dispute_files = Table(
    "dispute_files",
    metadata,
    Column("answer_id", String(26), ForeignKey("dispute_answers.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("answer_id", "position"),
)


def list_files(connection: Connection, answer_id: str) -> list[bytes]:
    """Return the files of an answer as they are sealed, in order."""
    c = dispute_files.c
    return list(connection.execute(select(c.sealed).where(c.answer_id == answer_id).order_by(c.position)).scalars())
