"""The gallery, over a real database."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.context import Context
from tests.unit.shared.web.gallery import make_gallery


@pytest.fixture
def app(context: Context) -> Flask:
    return make_gallery(context)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
