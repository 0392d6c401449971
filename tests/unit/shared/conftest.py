"""A service with no nouns of its own: what shared/ alone can do."""

import base64
import json
from collections.abc import Callable, Iterator

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from joserfc.jwk import ECKey
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from shared import schema
from shared.clock import FixedClock
from shared.context import Context
from shared.ids import SeededIds
from shared.settings import Secret, ServiceSettings

ISSUER = "http://localhost:9001/openid"


def make_settings(database_url: str, redis_url: str, **changes: object) -> ServiceSettings:
    values: dict[str, object] = {
        "database_url": Secret(database_url),
        "redis_url": Secret(redis_url),
        "public_url": "http://localhost:9000",
        "environment": "sandbox",
        "issuer": ISSUER,
        "encryption_keys": Secret("k1:" + base64.b64encode(b"k" * 32).decode()),
        "audit_seed": Secret(base64.b64encode(b"a" * 32).decode()),
        "client_id": "toy",
        "client_key": Secret(json.dumps(ECKey.generate_key("P-256", {"kid": "toy-1"}, private=True).as_dict(private=True))),
    }
    return ServiceSettings(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def shared_database(empty_database: Callable[[str], str]) -> str:
    """A database with the shared tables and nothing else."""
    url = empty_database("shared")
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        schema.create_v1(operations)
        schema.create_v2(operations)
    return url


@pytest.fixture
def context(shared_database: str, redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[Context]:
    made = Context(make_settings(shared_database, redis_url), "toy", clock, ids)
    yield made
    made.close()
