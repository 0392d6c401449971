"""Rows of several tables go in one statement, and stand or fall together."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from threading import Event

import pytest
from sqlalchemy import Connection, event, func, select, table, text
from sqlalchemy.exc import DataError, IntegrityError

from shared.audit.tables import audit_entries, audit_pending
from shared.context import Context
from shared.outbox import outbox
from shared.rows import Rows, write
from shared.transaction import Transaction

NOTES = Rows(
    name="notes",
    insert="INSERT INTO notes (id, words) SELECT id, words FROM json_to_recordset(CAST(:notes AS json)) AS row (id int, words text)",
)


class Action(StrEnum):
    NOTED = "toy:noted"


@pytest.fixture(autouse=True)
def notes(context: Context) -> None:
    with context.db.begin() as connection:
        connection.execute(text("CREATE TABLE notes (id int PRIMARY KEY, words text NOT NULL)"))
        connection.execute(text("CREATE TABLE copies (note int REFERENCES notes (id))"))


def note(*ids: int) -> str:
    return json.dumps([{"id": each, "words": "ñ"} for each in ids])


def counts(context: Context) -> list[int]:
    with context.reading() as tx:
        tables = [select(func.count()).select_from(each) for each in (table("notes"), audit_entries, audit_pending, outbox)]
        return [tx.connection.execute(each).scalar_one() for each in tables]


@contextmanager
def statements(context: Context) -> Iterator[list[str]]:
    """Collect what is sent, the beginning and the end of transactions too."""
    seen: list[str] = []

    def executed(_connection: Connection, _cursor: object, statement: str, *_others: object) -> None:
        seen.append(statement)

    def committed(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            seen.append("COMMIT")

    event.listen(context.db.engine, "before_cursor_execute", executed)
    event.listen(context.db.engine, "commit", committed)
    yield seen
    event.remove(context.db.engine, "before_cursor_execute", executed)
    event.remove(context.db.engine, "commit", committed)


def test_what_only_writes_rows_is_one_statement_that_needs_no_commit(context: Context) -> None:
    with statements(context) as seen, context.transaction() as tx:
        tx.write(NOTES, note(1, 2))
        tx.record(Action.NOTED, actor="a")
        tx.enqueue("tell", {"note": 1})
    assert len(seen) == 1
    assert counts(context) == [2, 1, 1, 1]


def test_after_other_work_all_is_one_statement_more_and_one_commit(context: Context) -> None:
    with statements(context) as seen, context.transaction() as tx:
        tx.connection.execute(text("INSERT INTO notes VALUES (1, 'a')"))
        tx.record(Action.NOTED, actor="a")
        tx.enqueue("tell", {"note": 1})
    assert [each.split()[0] for each in seen] == ["INSERT", "WITH", "COMMIT"]
    assert counts(context) == [1, 1, 1, 1]


def test_rows_are_there_for_what_is_done_after_them(context: Context) -> None:
    with context.transaction() as tx:
        tx.write(NOTES, note(1))
        tx.connection.execute(text("INSERT INTO copies VALUES (1)"))
        tx.write(NOTES, note(2))
        tx.connection.execute(text("INSERT INTO copies VALUES (2)"))
    assert counts(context) == [2, 0, 0, 0]


def test_rows_of_one_table_may_come_twice(context: Context) -> None:
    with context.transaction() as tx:
        tx.write(NOTES, note(1))
        tx.write(NOTES, note(2))
    assert counts(context) == [2, 0, 0, 0]


@pytest.mark.parametrize("rows", [note(1, 1), '[{"id": 1}]'], ids=["twice the same", "without words"])
def test_one_row_that_cannot_be_written_leaves_nothing_of_any_table(context: Context, rows: str) -> None:
    with pytest.raises(IntegrityError), context.transaction() as tx:
        tx.write(NOTES, rows)
        tx.record(Action.NOTED, actor="a")
        tx.enqueue("tell", {"note": 1})
    assert counts(context) == [0, 0, 0, 0]


def test_a_value_that_is_none_of_its_type_leaves_nothing(context: Context) -> None:
    with pytest.raises(DataError), context.transaction() as tx:
        tx.write(NOTES, '[{"id": "one", "words": "a"}]')
        tx.record(Action.NOTED, actor="a")
    assert counts(context) == [0, 0, 0, 0]


@pytest.mark.parametrize("opened", [False, True])
def test_a_fault_in_the_block_leaves_nothing(context: Context, opened: bool) -> None:
    def work() -> None:
        with context.transaction() as tx:
            tx.write(NOTES, note(1))
            tx.record(Action.NOTED, actor="a")
            if opened:
                tx.connection.execute(text("SELECT 1"))
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert counts(context) == [0, 0, 0, 0]


def test_a_transaction_in_which_nothing_was_done_sends_nothing(context: Context) -> None:
    with statements(context) as seen, context.transaction():
        pass
    assert seen == []


def test_a_kind_without_others_is_its_own_statement(context: Context) -> None:
    with context.db.begin() as connection:
        write(connection, {NOTES: note(7)})
        write(connection, {})
    assert counts(context) == [1, 0, 0, 0]


@pytest.mark.parametrize("name", ["connection", "session"])
def test_a_transaction_that_waits_for_a_connection_holds_no_other_up(context: Context, name: str) -> None:
    """Those who have a connection must go on, or those who wait for one wait in vain, until the pool gives up."""
    waits, may_go_on = Event(), Event()

    def late() -> Connection:
        waits.set()
        may_go_on.wait(60)
        raise TimeoutError("no connection")

    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(getattr, Transaction(context, late), name)
        assert waits.wait(60)
        try:
            with context.reading() as tx:
                assert pool.submit(getattr, tx, name).result(timeout=20)
        finally:
            may_go_on.set()
        with pytest.raises(TimeoutError):
            waiting.result(timeout=20)
