"""A log in a database of its own, with the one way to write it and the many ways to tamper with it."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text

from shared.audit.checkpoint import Signer
from shared.audit.entries import Entry, new_entry, rows_of
from shared.audit.report import Report
from shared.audit.schema import create_v1
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.audit.tables import APPEND_ONLY, ERASABLE
from shared.audit.verify import verify
from shared.clock import FixedClock
from shared.crypto import DataKeys, KeyRing, data_key_erasures, data_keys
from shared.db import Database
from shared.ids import SeededIds
from shared.rows import write

ORIGIN = "pay.example/log"
RING = "k1:" + base64.b64encode(bytes(range(32))).decode()


T = TypeVar("T")


class Action(StrEnum):
    """What a made-up service does."""

    MADE = "tests:thing:make"


@dataclass
class Log:
    """One service's log, as its writers, its sequencer, its auditor and its attacker see it."""

    database: Database
    clock: FixedClock
    ids: SeededIds
    cipher: DataKeys
    signer: Signer

    def entry(self, number: int) -> Entry:
        """A new entry about person `number`; each is a second later than the one before."""
        self.clock.advance(seconds=1)
        subject = f"cl-run:{number}-0"
        return new_entry(
            self.clock, self.ids, action=Action.MADE, outcome="done", actor="client:tests", subject=subject, object_id=f"thing_{number}"
        )

    def write(self, count: int, *, first: int = 1) -> list[Entry]:
        """Commit entries, each in its own transaction."""
        entries = [self.entry(number) for number in range(first, first + count)]
        for entry in entries:
            with self.database.begin() as connection:
                write(connection, rows_of(self.cipher, [entry]))
        return entries

    def sequence(self, *, limit: int = 1000) -> int:
        """Run the sequencer once."""
        with self.database.begin() as connection:
            return sequence_pending(connection, limit=limit)

    def sign(self, *, signer: Signer | None = None) -> str | None:
        """Sign the tree if it grew."""
        with self.database.begin() as connection:
            return sign_checkpoint(connection, signer or self.signer, self.clock, every_seconds=0)

    def make(self, count: int, *, first: int = 1) -> list[Entry]:
        """Write, number and sign entries."""
        entries = self.write(count, first=first)
        self.sequence()
        self.sign()
        return entries

    def verify(self, *, cipher: bool = True, witnessed: list[tuple[str, str]] | None = None) -> Report:
        """Verify as an auditor with the keys does."""
        with self.database.engine.connect() as connection:
            own = self.cipher if cipher else None
            return verify(connection, self.signer.verifier_key, cipher=own, peers_witnessed=witnessed or [])

    def tamper(self, *statements: str, **values: object) -> None:
        """Do as one does who owns the database: take the guards away, change it, set them back."""
        with self.database.begin() as connection:
            for table in (*APPEND_ONLY, *ERASABLE):
                connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER audit_refuse"))
            for statement in statements:
                connection.execute(text(statement), values)
            for table in (*APPEND_ONLY, *ERASABLE):
                connection.execute(text(f"ALTER TABLE {table.name} ENABLE ALWAYS TRIGGER audit_refuse"))

    def tamper_unlinked(self, *statements: str, **values: object) -> None:
        """The same, with the foreign key gone as well."""
        self.tamper("ALTER TABLE audit_sequence DROP CONSTRAINT IF EXISTS fk_audit_sequence_entry_id", *statements, **values)

    def read(self, read: Callable[[Connection], T]) -> T:
        """Run a function with a connection."""
        with self.database.engine.connect() as connection:
            return read(connection)


@pytest.fixture
def log_database(empty_database: Callable[[str], str]) -> Iterator[Database]:
    """A database with the tables of the log and of the data keys."""
    database = Database(empty_database("audit"), pool_size=8)
    with database.begin() as connection:
        create_v1(Operations(MigrationContext.configure(connection)))
        for table in (data_keys, data_key_erasures):
            table.create(connection)
    yield database
    database.dispose()


@pytest.fixture
def log(log_database: Database, clock: FixedClock, ids: SeededIds) -> Log:
    """An empty log."""
    cipher = DataKeys(log_database, KeyRing.parse(RING), clock)
    return Log(log_database, clock, ids, cipher, Signer(b"\x01" * 32, ORIGIN))


def count(connection: Connection, table: sa.Table) -> int:
    """How many rows a table has."""
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
