"""A service with the tables of performance and nothing else."""

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask import Flask
from flask.testing import FlaskClient

from shared.app import base_app
from shared.context import Context
from shared.performance import schema
from shared.web import performance


@pytest.fixture
def counted(context: Context) -> Context:
    with context.db.begin() as connection:
        schema.create_v1(Operations(MigrationContext.configure(connection)))
    return context


@pytest.fixture
def app(counted: Context) -> Flask:
    made = base_app(counted, import_name=__name__)
    performance.install(made, {"errand": "an errand"})
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
