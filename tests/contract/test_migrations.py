"""Each service's history goes up, down and up again, and leaves what its models say."""

import importlib
from collections.abc import Callable

import psycopg
import pytest

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
