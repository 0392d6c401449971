"""The one way to write: a business transaction with its audit rows and its outbox rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Delete, Update
from sqlalchemy.orm import Session

from shared import metrics, outbox, rows, trace
from shared.audit import entries
from shared.audit.entries import Entry, new_core_entry, new_entry
from shared.rows import Rows

if TYPE_CHECKING:
    from shared.context import Context


class Transaction:
    """One business transaction: what it reads and changes, its audit rows and its outbox rows are committed together."""

    def __init__(self, context: "Context", connect: Callable[[], Connection]) -> None:
        self._context = context
        self._connect = connect
        self._connection: Connection | None = None
        self._session: Session | None = None
        self._given: dict[Rows, str] = {}
        self._entries: list[Entry] = []
        self._jobs: list[dict[str, object]] = []
        self._forgotten: Counter[str] = Counter()

    @property
    def connection(self) -> Connection:
        """The connection it is on, opened at its first use; rows that were written before go first."""
        # No `cached_property`: before Python 3.12 one lock of all instances is held while it is made, and making waits for a connection.
        if self._connection is None:
            self._connection = self._connect()
            rows.write(self._connection, self._given)
            self._given = {}
        return self._connection

    @property
    def session(self) -> Session:
        """The ORM on this transaction's connection; hot paths use `connection` alone."""
        if self._session is None:
            self._session = Session(self.connection, expire_on_commit=False)
        return self._session

    def record(
        self,
        action: StrEnum,
        *,
        actor: str,
        outcome: str = "done",
        subject: str | None = None,
        on_behalf_of: str | None = None,
        object_id: str = "",
        purpose: str | None = None,
        channel: str = "api",
        data: Mapping[str, str | int | bool | list[str]] | None = None,
    ) -> Entry:
        """Write an audit row, and return it.  `subject` is `scheme:value`; only a salted commitment to it enters the log.

        Spec: design §5.
        """
        context = self._context
        entry = new_entry(
            context.clock,
            context.ids,
            action=action,
            outcome=outcome,
            actor=actor,
            subject=subject,
            on_behalf_of=on_behalf_of,
            object_id=object_id,
            purpose=purpose,
            channel=channel,
            request_id=trace.request_id(),
            journey_id=trace.journey_id(),
            data=dict(data or {}),
        )
        self._entries.append(entry)
        return entry

    def record_core(self, core: Mapping[str, object], *, subject: str | None, extra: Mapping[str, str] | None = None) -> str:
        """Write an access-log row in the form of wallet-consent.md §10.1, about one person or about many; return its entry id."""
        entry = new_core_entry(self._context.clock, self._context.ids, core=dict(core), subject=subject, extra=dict(extra or {}))
        self._entries.append(entry)
        return str(entry.entry_id)

    def add(self, made: Iterable[Entry]) -> None:
        """Write audit rows that were made before (`new_entry`), perhaps on another thread."""
        self._entries.extend(made)

    def enqueue(self, job: str, payload: Mapping[str, object], *, due_at: datetime | None = None, queue: str = "") -> None:
        """Have a job run after the commit, at once or when it is due."""
        now = self._context.clock.now()
        row = {"job": job, "payload": dict(payload), "queue": queue, "due_at": due_at or now, "created_at": now}
        self._jobs.append(row | {"request_id": trace.request_id(), "journey_id": trace.journey_id()})

    def write(self, kind: Rows, given: str) -> None:
        """Write rows, given as JSON; where nothing was done before, together with the audit and outbox rows."""
        if self._connection is not None or kind in self._given:
            rows.write(self.connection, {kind: given})
        else:
            self._given[kind] = given

    def forget(self, statement: Delete | Update) -> int:
        """Delete rows whose time is over, or take out of them what names people; return how many, counted by table in the metrics."""
        return self.forgot(statement.table.description, self.connection.execute(statement).rowcount)

    def forgot(self, table: str, number: int) -> int:
        """Count rows of a table that went another way; return how many."""
        self._forgotten[table] += number
        return number

    @property
    def wakes(self) -> bool:
        """True when something is to be done after the commit; what comes by thousands the relay finds by itself, much at a time."""
        return any(job["queue"] != outbox.BULK for job in self._jobs)

    def flush(self) -> None:
        """Send what was collected to the database; called once, before the commit."""
        if self._session is not None:
            self._session.flush()
        given = self._given | entries.rows_of(self._context.cipher, self._entries) | outbox.rows_of(self._jobs)
        if self._connection is not None:
            rows.write(self._connection, given)
        elif given:  # one statement is a transaction: it needs no rounds to begin and to end one
            with self._context.db.single() as connection:
                rows.write(connection, given)

    def count(self) -> None:
        """Count what happened in the metrics; called once, after the commit."""
        for entry in self._entries:
            metrics.EVENTS.labels(self._context.service, entry.action, entry.outcome).inc()
        for table, number in self._forgotten.items():
            metrics.FORGOTTEN.labels(self._context.service, table).inc(number)
