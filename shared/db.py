"""PostgreSQL: one engine a process, named constraints, aware times."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, create_engine, make_url, text
from sqlalchemy.event import listen
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

shared_metadata = MetaData(naming_convention=NAMING)
"""The tables that each service has in its own database: outbox, audit, data keys, web sessions and the like."""


class UtcDateTime(TypeDecorator[datetime]):
    """`timestamptz` that refuses naive times and always gives UTC back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time."""
        if value is not None and value.tzinfo is None:
            raise ValueError("naive time refused")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        return None if value is None else value.astimezone(UTC)


class Database:
    """The connections of one process to one database, at most `pool_size`."""

    def __init__(self, url: str, *, pool_size: int = 20, statement_timeout_ms: int = 15_000, is_pooled: bool = False) -> None:
        """`url` is any PostgreSQL URL; the psycopg 3 driver is chosen here.

        `is_pooled` says that a pooler such as PgBouncer stands between, which gives each transaction another server connection: then
        nothing is prepared, and time-outs are set in each transaction.
        """
        parsed = make_url(url).set(drivername="postgresql+psycopg")
        options = {"timezone": "utc", "statement_timeout": statement_timeout_ms, "idle_in_transaction_session_timeout": 60_000}
        self.engine: Engine = create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=0,  # what the pool opens beyond its size it closes again, and opening costs more than most requests
            pool_use_lifo=True,
            pool_pre_ping=False,  # a lost connection is a 503 once, and the pool is new then: cheaper than a question before each use
            pool_timeout=10,
            # Without it an INSERT … ON CONFLICT DO NOTHING says -1 rows, which is as true as 1.
            execution_options={"preserve_rowcount": True},
            connect_args={
                "options": "" if is_pooled else " ".join(f"-c {name}={value}" for name, value in options.items()),
                "connect_timeout": 5,
                "prepare_threshold": None if is_pooled else 2,
            },
        )
        if is_pooled:
            in_each_transaction = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in options.items())
            listen(self.engine, "begin", lambda connection: connection.exec_driver_sql(in_each_transaction))
        self._is_pooled = is_pooled
        self._reader = self.engine if is_pooled else self.engine.execution_options(isolation_level="AUTOCOMMIT", only_reads=True)
        self._alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open one transaction: commit at the end, roll back on an exception."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for reading, without a transaction: each statement sees what is committed when it begins, as it would in one.

        Ending a transaction that only read costs three rounds to the server and, by the driver's rule that a roll-back forgets what was
        prepared, the plans of all statements.  Behind a pooler a transaction it is: the time-outs are set in it.
        """
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def single(self) -> Iterator[Connection]:
        """Give a connection for statements that each commit by themselves, mostly one: that saves two rounds to the server."""
        with self.begin() if self._is_pooled else self._alone.connect() as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open one ORM transaction: commit at the end, roll back on an exception."""
        with self.engine.begin() as connection, Session(connection, expire_on_commit=False) as session:
            yield session
            session.flush()

    def is_ready(self) -> bool:
        """Answer whether the database answers."""
        with self.reading() as connection:
            return bool(connection.execute(text("select 1")).scalar_one() == 1)

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()
