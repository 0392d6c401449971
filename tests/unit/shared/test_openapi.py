from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema, fields
from openapi_spec_validator import validate

from shared.access import PUBLIC, PUBLIC_PAGE, Scope
from shared.app import base_app, register
from shared.context import Context
from shared.openapi import describes, document
from shared.routes import Routes


class BoatSchema(Schema):
    name = fields.String(required=True)
    length_metres = fields.Integer()


def toy() -> Routes:
    routes = Routes("boats", __name__, access=Scope("boats:write"))

    @routes.post("/boats/<int:number>")
    @describes(body=BoatSchema, answers={201: BoatSchema, 204: None}, headers={"Idempotency-Key": "The same request twice is done once."})
    def enter(number: int) -> str:
        """Enter a boat."""
        return str(number)

    @routes.get("/boats", access=PUBLIC)
    @describes(query={"properties": {"after": {"type": "string"}}}, answers={200: {"type": "array", "items": {"type": "string"}}})
    def show() -> str:
        """List boats."""
        return "[]"

    @routes.get("/harbour", access=PUBLIC_PAGE)
    def page() -> str:
        return "a page"

    return routes


@pytest.fixture
def app(context: Context) -> Flask:
    made = base_app(context, import_name=__name__)
    register(made, [toy()])
    return made


def described(app: Flask) -> dict[str, Any]:
    return document(app, title="Boats", version="1")


def test_the_document_is_valid_openapi(app: Flask) -> None:
    validate(described(app))


def test_a_route_says_what_it_takes_and_gives_and_who_may_call_it(app: Flask) -> None:
    made = described(app)
    operation = made["paths"]["/boats/{number}"]["post"]
    assert operation["summary"] == "Enter a boat."
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Boat"}
    assert set(operation["responses"]) == {"201", "204", "default"}
    assert "content" not in operation["responses"]["204"]
    assert operation["security"] == [{"Scope": []}]
    assert [(one["in"], one["name"], one["schema"]["type"]) for one in operation["parameters"]] == [
        ("path", "number", "integer"),
        ("header", "Idempotency-Key", "string"),
    ]
    assert made["components"]["schemas"]["Boat"]["required"] == ["name"]


def test_an_open_route_asks_for_nothing_and_lists_what_may_be_asked(app: Flask) -> None:
    operation = described(app)["paths"]["/boats"]["get"]
    assert "security" not in operation
    assert [one["name"] for one in operation["parameters"]] == ["after"]


def test_pages_for_people_are_left_out(app: Flask) -> None:
    assert "/harbour" not in described(app)["paths"]


def test_it_is_served(app: Flask) -> None:
    answer = app.test_client().get("/openapi.json")
    assert answer.get_json()["openapi"] == "3.1.0"
    assert answer.get_json() == app.test_client().get("/openapi.json").get_json()
