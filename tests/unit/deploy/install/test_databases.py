"""Least privilege, tried on PostgreSQL: what a service's role may not do, PostgreSQL refuses."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy import docs
from deploy.backup.making import back_up
from deploy.backup.restoring import restore
from deploy.errors import CannotStart
from deploy.install import databases
from deploy.sandbox.environment import environment
from deploy.sandbox.plan import Engines as PlannedEngines
from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.system import wait_until
from notify.models import days
from shared import migrations
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.settings import Secret
from tests.engines import Engines, locked

SERVICE = "notify"
PASSWORDS = {f"{SERVICE}_owner": "owner's", f"{SERVICE}_app": "app's"}


class Act(StrEnum):
    DONE = "notify:test:done"


@dataclass
class Prepared:
    """Addresses of one prepared database, by role."""

    admin: str
    owner: str
    app: str


@pytest.fixture
def prepared(engines: Engines, run_folder: Path) -> Iterator[Prepared]:
    names = [f"{SERVICE}_owner", f"{SERVICE}_app"]
    with locked(run_folder / "prepared.lock"):  # roles belong to the whole server, which other tests use at the same time
        assert databases.prepare(engines.database_url, PASSWORDS.__getitem__, (SERVICE,)) == [SERVICE]
        place = engines.database_url.rpartition("@")[2].partition("/")[0]
        owner, app = (f"postgresql://{name}:{PASSWORDS[name]}@{place}/{SERVICE}" for name in names)
        yield Prepared(engines.database_url, owner, app)
        with psycopg.connect(engines.database_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(SERVICE)))
            for name in names:
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_two_at_once_do_not_make_the_same_role(prepared: Prepared) -> None:
    """The second waits for the first, whose lock goes with its connection."""
    first = psycopg.connect(prepared.admin, autocommit=True)
    first.execute("SELECT pg_advisory_lock(%s)", [databases.LOCK])
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(databases.prepare, prepared.admin, PASSWORDS.__getitem__, (SERVICE,))
        assert wait_until(lambda: bool(first.execute(waiting, [databases.LOCK]).fetchone()), 10)
        assert not second.done()
        first.close()
        assert second.result(timeout=10) == []


def test_again_changes_nothing(prepared: Prepared) -> None:
    assert databases.prepare(prepared.admin, PASSWORDS.__getitem__, (SERVICE,)) == []


def test_a_service_runs_with_the_lesser_role_and_cannot_do_more(prepared: Prepared, redis_url: str) -> None:
    migrations.upgrade(SERVICE, prepared.owner)
    app = docs.app_of(SERVICE, database_url=Secret(prepared.app), redis_url=Secret(redis_url))
    assert app.test_client().get("/readyz").status_code == 200
    with app.extensions["andamio"].context.transaction() as tx:
        tx.enqueue("anything", {})
        today = app.extensions["andamio"].context.clock.now().date()
        assert days.make_days(tx.connection, today)
        days.drop_day(tx.connection, today)
    app.extensions["andamio"].context.close()
    with psycopg.connect(prepared.app, autocommit=True) as connection:
        for statement in (
            "CREATE TABLE t (a int)",
            "DROP TABLE outbox",
            "TRUNCATE audit_entries",
            "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE ROLE r",
            "DROP TABLE alembic_version",
            "CREATE TABLE days.t (a int)",
            "DROP TABLE days.notifications_rest",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_a_service_may_add_to_its_log_and_change_nothing_in_it(prepared: Prepared, redis_url: str) -> None:
    migrations.upgrade(SERVICE, prepared.owner)
    app = docs.app_of(SERVICE, database_url=Secret(prepared.app), redis_url=Secret(redis_url))
    context = app.extensions["andamio"].context
    with context.transaction() as tx:
        tx.record(Act.DONE, actor="client:anybody")
    with context.db.begin() as connection:
        assert sequence_pending(connection) == 1
        sign_checkpoint(connection, context.audit_signer, context.clock)
    context.close()
    with psycopg.connect(prepared.app, autocommit=True) as connection:
        for table, column in {"audit_entries": "core", "audit_sequence": "seq", "audit_nodes": "hash", "audit_checkpoints": "note"}.items():
            for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
                with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                    connection.execute(statement.encode())


def test_the_lesser_role_may_back_up_and_what_is_restored_is_the_owners(
    prepared: Prepared, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.upgrade(SERVICE, prepared.owner)
    plan = Plan(tmp_path, Ports(8000), bytes(32), PlannedEngines("postgresql://x@h/x", redis_url.rpartition("/")[0]))
    for name, value in {**environment(plan, SERVICE), "NOTIFY_DATABASE_URL": prepared.app}.items():
        monkeypatch.setenv(name, value)
    back_up(tmp_path / "backup", (SERVICE,))
    with psycopg.connect(prepared.admin, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(SERVICE)))
    databases.prepare(prepared.admin, PASSWORDS.__getitem__, (SERVICE,))
    restore(tmp_path / "backup", prepared.admin)
    migrations.upgrade(SERVICE, prepared.owner)
    with psycopg.connect(prepared.app, autocommit=True) as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('public', 'days')").fetchall()
        assert owners == [(f"{SERVICE}_owner",)]
        connection.execute("INSERT INTO outbox (job, payload, due_at, created_at) VALUES ('x', '{}', now(), now())")
        connection.execute("SELECT count(*) FROM days.notifications_rest")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DROP TABLE outbox")


@pytest.mark.parametrize("name", ["outbox", "notifications", "notifications_rest", "notifications_d2026", "x; DROP TABLE outbox"])
def test_the_owners_functions_touch_nothing_but_tables_of_days(prepared: Prepared, name: str) -> None:
    migrations.upgrade(SERVICE, prepared.owner)
    with psycopg.connect(prepared.app, autocommit=True) as connection:
        for statement in ("SELECT days.drop_day(%s)", "SELECT days.make_day('outbox', %s, gen_random_uuid(), gen_random_uuid())"):
            with pytest.raises(psycopg.errors.RaiseException, match="not a table of a day"):
                connection.execute(statement.encode(), [name])


def test_a_wrong_password_of_the_administrator_is_told_in_a_sentence(engines: Engines) -> None:
    place = engines.database_url.rpartition("@")[2]
    with pytest.raises(CannotStart, match="check address and password"):
        databases.prepare(f"postgresql://nobody_here:wrong@{place}", PASSWORDS.__getitem__, (SERVICE,))
