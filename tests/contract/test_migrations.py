"""Each service's history goes up, down and up again, and leaves what its models say."""

import importlib
from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest

from deploy import serving
from deploy.errors import CannotStart
from deploy.services import SERVICES
from shared import migrations


@pytest.mark.parametrize("service", SERVICES)
def test_history_goes_up_down_and_up(service: str, empty_database: Callable[[str], str]) -> None:
    url = empty_database(service)
    migrations.upgrade(service, url)
    assert migrations.is_current(service, url)
    migrations.downgrade(service, url)
    in_public = "join pg_namespace n on n.oid = {} where n.nspname = 'public'"
    with psycopg.connect(url) as connection:
        left = connection.execute(
            f"select relname from pg_class c {in_public.format('c.relnamespace')} and relname not like 'alembic%'"
        ).fetchall()
        functions = connection.execute(f"select proname from pg_proc p {in_public.format('p.pronamespace')}").fetchall()
    assert left == []
    assert functions == []
    migrations.upgrade(service, url)
    assert migrations.is_current(service, url)


def test_two_do_not_migrate_one_database_at_once(empty_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = empty_database("pay")
    monkeypatch.setenv("PAY_DATABASE_URL", url)
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [migrations.LOCK])
        with pytest.raises(CannotStart, match="being migrated by another process just now"):
            serving.migrate("pay")
        assert other.execute("SELECT to_regclass('outbox')").fetchall() == [(None,)]
    serving.migrate("pay")
    assert migrations.is_current("pay", url)


def test_indexes_of_a_busy_table_are_made_on_each_of_its_parts_whatever_an_earlier_try_left(empty_database: Callable[[str], str]) -> None:
    url = empty_database("notify")
    migrations.upgrade("notify", url, "0018")
    index = "notifications_rest_not_arrived"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT days.make_day('notifications', 'notifications_d20990101', %s, %s)", [UUID(int=1), UUID(int=2)])
        connection.execute("SET lock_timeout = '50ms'")
        with psycopg.connect(url) as writer, pytest.raises(psycopg.errors.LockNotAvailable):  # it leaves an index that is not valid
            writer.execute("LOCK TABLE days.notifications_rest IN ROW EXCLUSIVE MODE")
            connection.execute(f"CREATE INDEX CONCURRENTLY {index} ON days.notifications_rest (id)")
        left = connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [f"days.{index}"]).fetchall()
    assert left == [(False,)]
    migrations.upgrade("notify", url)
    with psycopg.connect(url) as connection:
        parts = connection.execute(
            "SELECT p.relname, x.indisvalid, pg_get_indexdef(x.indexrelid) LIKE '%%service_id%%' FROM pg_inherits i"
            " JOIN pg_class p ON p.oid = i.inhparent JOIN pg_index x ON x.indexrelid = i.inhrelid"
            " WHERE p.relname IN ('ix_notifications_letters', 'ix_notifications_not_arrived') ORDER BY p.relname"
        ).fetchall()
        whole = connection.execute("SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 'notifications'::regclass").fetchall()
        tables = connection.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'notifications'::regclass").fetchall()
    expected = [(name, True, True) for name in ("ix_notifications_letters", "ix_notifications_not_arrived") for _ in range(tables[0][0])]
    assert (parts, whole) == (expected, [(True,)])


@pytest.mark.parametrize("service", SERVICES)
def test_models_and_migrations_do_not_drift_apart(service: str, database: Callable[[str], str]) -> None:
    base = importlib.import_module(f"{service}.models.base").Base
    for module in _models(service):
        importlib.import_module(module)
    assert migrations.drift(database(service), base.metadata) == []


def _models(service: str) -> list[str]:
    import pkgutil

    package = importlib.import_module(f"{service}.models")
    return [module.name for module in pkgutil.iter_modules(package.__path__, f"{service}.models.")]
