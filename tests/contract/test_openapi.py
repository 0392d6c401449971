"""The four services describe themselves: each document is valid, and each machine route stands in it."""

import pytest
from flask import Flask
from openapi_spec_validator import validate

from deploy import docs
from deploy.services import SERVICES


@pytest.fixture(params=SERVICES)
def app(request: pytest.FixtureRequest) -> Flask:
    return docs.app_of(request.param)


def test_the_document_of_each_service_is_valid(app: Flask) -> None:
    validate(app.test_client().get("/openapi.json").get_json())


def test_each_machine_route_has_a_summary_that_says_what_it_does(app: Flask) -> None:
    paths = app.test_client().get("/openapi.json").get_json()["paths"]
    without = [
        f"{method} {path}" for path, operations in paths.items() for method, operation in operations.items() if not operation["summary"]
    ]
    assert without == []
