from collections.abc import Callable
from contextlib import ExitStack

from sqlalchemy import Column, Integer, MetaData, Table, select, text
from sqlalchemy.dialects.postgresql import insert

from shared.db import Database


def test_an_insert_that_finds_its_row_there_says_that_it_wrote_none(empty_database: Callable[[str], str]) -> None:
    database = Database(empty_database("shared"))
    table = Table("things", MetaData(), Column("id", Integer, primary_key=True))
    with database.begin() as connection:
        table.create(connection)
        written = [connection.execute(insert(table).values(id=7).on_conflict_do_nothing()).rowcount for _ in range(2)]
    database.engine.dispose()
    assert written == [1, 0]


def test_reading_keeps_what_the_connection_has_prepared(empty_database: Callable[[str], str]) -> None:
    database = Database(empty_database("shared"), pool_size=1)
    prepared = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%prepared before%'")
    for _ in range(5):
        with database.reading() as connection:
            connection.execute(text('SELECT 1 AS "prepared before"'))
    with database.reading() as connection:
        assert connection.execute(prepared).scalar_one() == 1
    database.dispose()


def test_each_statement_of_a_reading_sees_what_was_committed_before_it(empty_database: Callable[[str], str]) -> None:
    database = Database(empty_database("shared"))
    table = Table("things", MetaData(), Column("id", Integer, primary_key=True))
    with database.begin() as connection:
        table.create(connection)
    with database.reading() as reader:
        before = reader.execute(select(table.c.id)).scalars().all()
        with database.begin() as writer:
            writer.execute(insert(table).values(id=7))
        assert (before, reader.execute(select(table.c.id)).scalars().all()) == ([], [7])
    database.dispose()


def test_no_more_connections_are_opened_than_the_pool_has_and_none_is_closed_after_use(empty_database: Callable[[str], str]) -> None:
    database = Database(empty_database("shared"), pool_size=3)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(database.reading())
    assert database.engine.pool.checkedin() == 3  # type: ignore[attr-defined]  # of the pool that is used
    database.dispose()
