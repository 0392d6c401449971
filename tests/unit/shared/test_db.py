from collections.abc import Callable

from sqlalchemy import Column, Integer, MetaData, Table
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
