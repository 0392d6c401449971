"""The files of the sandbox's bank, in transactions of its own: for pay it is another party's."""

from sqlalchemy import Column, LargeBinary, String, Table, select
from sqlalchemy.dialects.postgresql import insert

from pay.models.base import metadata
from pay.providers.payout_bank import Received
from shared.db import Database, UtcDateTime

sandbox_bank_files = Table(
    "sandbox_bank_files",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)


class DatabaseShelf:
    """A shelf in PostgreSQL, shared by all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, file: Received) -> None:
        """Keep a file; the same name again changes nothing."""
        row = {"name": file.name, "content": file.content, "received_at": file.received_at}
        with self._database.begin() as connection:
            connection.execute(insert(sandbox_bank_files).values(row).on_conflict_do_nothing())

    def newest(self, limit: int) -> list[Received]:
        """Return the newest files, oldest of them first."""
        c = sandbox_bank_files.c
        statement = select(c.name, c.content, c.received_at).order_by(c.received_at.desc(), c.name).limit(limit)
        with self._database.begin() as connection:
            return [Received(*row) for row in connection.execute(statement)][::-1]
