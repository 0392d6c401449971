"""Alembic, one history a service: `<service>/migrations/`.

Migrations expand first and contract a release later; each runs with a lock time-out, so that it never waits in front of users.
"""

from importlib import import_module
from pathlib import Path

from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, make_url, pool, text

from shared.db import shared_metadata

LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 60_000
LOCK = 0x616E646D
"""An advisory lock of the service's database: whoever migrates holds it."""

_TABLES_IN = ("audit.tables", "auth", "crypto", "idempotency", "outbox", "performance.tables", "periodic", "web.schema")
"""Modules of shared that declare tables when they are imported."""


class MigrationUnderWay(Exception):
    """Another process is migrating this database just now."""


def _config(service: str, url: str) -> Config:
    config = Config()
    folder = Path(str(import_module(service).__file__)).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["url"] = url
    return config


def upgrade(service: str, url: str, revision: str = "head") -> None:
    """Bring a database up to a revision.  Raises: MigrationUnderWay."""
    command.upgrade(_config(service, url), revision)


def downgrade(service: str, url: str, revision: str = "base") -> None:
    """Take a database down to a revision."""
    command.downgrade(_config(service, url), revision)


def is_current(service: str, url: str) -> bool:
    """True when a database stands at the newest revision."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    return present == ScriptDirectory.from_config(_config(service, url)).get_current_head()


def drift(url: str, metadata: MetaData) -> list[object]:
    """List where the models of a service (with the shared tables) and a migrated database differ."""
    for module in _TABLES_IN:
        import_module(f"shared.{module}")
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        migration = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        return list(compare_metadata(migration, [shared_metadata, metadata]))  # type: ignore[arg-type]  # Alembic takes a list, its types do not say so


def run(metadata: MetaData) -> None:
    """Be the body of each service's `migrations/env.py`."""
    url = make_url(context.config.attributes["url"]).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
        connection.execute(text(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}"))
        # Held until the connection is closed, over all transactions of the run.
        if not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}).scalar_one():
            raise MigrationUnderWay
        connection.commit()
        context.configure(connection=connection, target_metadata=[shared_metadata, metadata], compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
