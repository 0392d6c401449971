from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from shared.audit.entries import rows_of
from shared.audit.schema import create_v1, drop_v1
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.audit.tables import APPEND_ONLY, ERASABLE
from shared.db import Database
from shared.rows import write
from tests.engines import Engines
from tests.unit.shared.audit.conftest import Log

TABLES = [table.name for table in (*APPEND_ONLY, *ERASABLE)]


@pytest.mark.parametrize("table", [table.name for table in APPEND_ONLY])
@pytest.mark.parametrize("change", ["DELETE FROM {0}", "TRUNCATE {0} CASCADE", "UPDATE {0} SET {1} = {1}"])
def test_wallet_10_2_the_log_refuses_to_be_changed(log: Log, table: str, change: str) -> None:
    log.make(3)
    column = {"audit_entries": "core", "audit_sequence": "row_hash", "audit_nodes": "hash"}.get(table, "note")
    with pytest.raises(IntegrityError, match="append-only"), log.database.begin() as connection:
        connection.execute(text(change.format(table, column)))


@pytest.mark.parametrize("table", [table.name for table in ERASABLE])
@pytest.mark.parametrize("change", ["TRUNCATE {0}", "UPDATE {0} SET entry_id = entry_id"])
def test_side_rows_may_go_but_not_change(log: Log, table: str, change: str) -> None:
    log.write(1)
    with pytest.raises(IntegrityError, match="append-only"), log.database.begin() as connection:
        connection.execute(text(change.format(table)))


def test_side_rows_may_be_deleted(log: Log) -> None:
    log.write(2)
    with log.database.begin() as connection:
        assert connection.execute(text("DELETE FROM audit_sides")).rowcount == 2


def test_an_upsert_is_no_way_round(log: Log) -> None:
    log.make(1)
    query = "INSERT INTO audit_entries SELECT * FROM audit_entries ON CONFLICT (entry_id) DO UPDATE SET core = ''"
    with pytest.raises(IntegrityError, match="append-only"), log.database.begin() as connection:
        connection.execute(text(query))


def test_tables_and_migration_agree(log_database: Database) -> None:
    with log_database.engine.connect() as connection:
        metadata = MetaData()
        for table in (*APPEND_ONLY, *ERASABLE):
            table.to_metadata(metadata)
        options = {"compare_type": True, "include_name": lambda name, kind, _parents: kind != "table" or name in TABLES}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_up_down_up(empty_database: Callable[[str], str]) -> None:
    database = Database(empty_database("audit"))
    with database.begin() as connection:
        op = Operations(MigrationContext.configure(connection))
        create_v1(op)
        drop_v1(op)
        assert inspect(connection).get_table_names() == []
        assert connection.execute(text("SELECT count(*) FROM pg_proc WHERE proname = 'audit_refuse'")).scalar_one() == 0
        create_v1(op)
    database.dispose()


@pytest.mark.parametrize(
    "change", ["UPDATE audit_entries SET core = ''", "DELETE FROM audit_sequence", "UPDATE audit_sides SET salt = salt"]
)
def test_wallet_10_2_the_rights_in_the_documents_let_a_role_write_and_not_change(log: Log, engines: Engines, change: str) -> None:
    document = (Path(__file__).parents[4] / "docs" / "audit.md").read_text()
    grants = document.partition("```sql\n")[2].partition("```")[0].replace("TO web;", "TO audit_web_role;")
    as_superuser = Database(engines.database(str(log.database.engine.url.database)))
    with as_superuser.engine.connect() as connection:  # rolled back, and the role with it
        connection.execute(text("CREATE ROLE audit_web_role"))
        connection.execute(text(grants))
        write(connection, rows_of(log.cipher, [log.entry(1)]))
        connection.execute(text("SET LOCAL ROLE audit_web_role"))
        write(connection, rows_of(log.cipher, [log.entry(2)]))
        assert sequence_pending(connection) == 2
        assert sign_checkpoint(connection, log.signer, log.clock) is not None
        assert connection.execute(text("DELETE FROM audit_sides")).rowcount == 2
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(change))
    as_superuser.dispose()
