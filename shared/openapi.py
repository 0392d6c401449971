"""OpenAPI of a service, made from the schemas that guard its routes and served at `/openapi.json`.

A route for machines says what it takes and gives with `@describes`, beside its access rule; the rest (address, method, summary,
path parameters, who may call, how refusals look) is read from the app itself.  Pages for people are left out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, current_app, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from werkzeug.routing import Rule

from shared.access import PUBLIC, Access
from shared.routes import Routes

JsonSchema = Mapping[str, object]
Shape = type[Schema] | Schema | JsonSchema
View = TypeVar("View", bound=Callable[..., Any])  # a view may take and return what Flask allows

OPENAPI_VERSION = "3.1.0"
JSON = "application/json"
PROBLEM = "application/problem+json"
PROBLEM_SHAPE: JsonSchema = {
    "type": "object",
    "required": ["type", "title", "status", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
    },
}
_CONVERTERS: Mapping[str, JsonSchema] = {
    "IntegerConverter": {"type": "integer"},
    "UUIDConverter": {"type": "string", "format": "uuid"},
}


@dataclass(frozen=True)
class Description:
    """What one route takes and gives: `answers` by status; None stands for an empty body."""

    answers: Mapping[int, Shape | None]
    body: Shape | None = None
    query: Shape | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON
    body_type: str = JSON


def describes(
    *,
    answers: Mapping[int, Shape | None],
    body: Shape | None = None,
    query: Shape | None = None,
    headers: Mapping[str, str] | None = None,
    media_type: str = JSON,
    body_type: str = JSON,
) -> Callable[[View], View]:
    """Say what a route takes and gives; `headers` are optional request headers with what each is for."""

    def mark(view: View) -> View:
        view.__openapi__ = Description(answers, body, query, headers or {}, media_type, body_type)  # type: ignore[attr-defined] # a mark
        return view

    return mark


def document(app: Flask, *, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an app's machine routes.  Spec: OpenAPI 3.1."""
    spec = APISpec(title=title, version=version, openapi_version=OPENAPI_VERSION, plugins=[MarshmallowPlugin()])
    spec.components.schema("Problem", dict(PROBLEM_SHAPE))
    andamio = app.extensions["andamio"]
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        access = andamio.access_rules[rule.endpoint]
        if access.pages:
            continue
        own_refusals = any(rule.rule.startswith(prefix) for prefix in andamio.formats)
        operations = {
            method.lower(): _operation(app, rule, method, access, problems=not own_refusals)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        }
        if access.bearer and _scheme_name(access) not in spec.components.security_schemes:
            scheme = {"type": "http", "scheme": "bearer", "description": access.bearer}
            spec.components.security_scheme(_scheme_name(access), scheme)
        spec.path(path=re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), operations=operations)
    return dict(spec.to_dict())


def _scheme_name(access: Access) -> str:
    return type(access).__name__


def _operation(app: Flask, rule: Rule, method: str, access: Access, *, problems: bool) -> dict[str, Any]:
    view = app.view_functions[rule.endpoint]
    told: Description | None = getattr(view, "__openapi__", None)
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{rule.rule}"),
        "summary": (view.__doc__ or "").strip().partition("\n")[0],
        "description": f"Who may call: {access.describe()}.",
        "parameters": _path_parameters(rule),
        "responses": _answers(told),
    }
    if problems:
        operation["responses"]["default"] = {
            "description": "A refusal: what happened and what to do.",
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if access.bearer:
        operation["security"] = [{_scheme_name(access): []}]
    if told is None:
        return operation
    if told.body is not None:
        operation["requestBody"] = {"required": True, "content": {told.body_type: {"schema": _plain(told.body)}}}
    if told.query is not None:
        operation["parameters"] += _query_parameters(told.query)
    operation["parameters"] += [
        {"in": "header", "name": name, "required": False, "description": what, "schema": {"type": "string"}}
        for name, what in told.headers.items()
    ]
    return operation


def _path_parameters(rule: Rule) -> list[dict[str, Any]]:
    converters = rule._converters  # Werkzeug shows a rule's converters nowhere else
    return [
        {"in": "path", "name": name, "required": True, "schema": dict(_CONVERTERS.get(type(kind).__name__, {"type": "string"}))}
        for name, kind in converters.items()
    ]


def _query_parameters(query: Shape) -> list[dict[str, Any]]:
    if not isinstance(query, Mapping):
        return [{"in": "query", "schema": query}]
    properties = query.get("properties", {})
    assert isinstance(properties, Mapping)  # noqa: S101 - a JSON schema of an object has its properties here
    return [{"in": "query", "name": name, "required": False, "schema": dict(shape)} for name, shape in properties.items()]


def _answers(told: Description | None) -> dict[str, Any]:
    if told is None:
        return {"200": {"description": "Done."}}
    answers: dict[str, Any] = {}
    for status, shape in told.answers.items():
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if shape is not None:
            answer["content"] = {told.media_type: {"schema": _plain(shape)}}
        answers[str(status)] = answer
    return answers


def _plain(shape: Shape) -> Any:  # what apispec resolves: a schema, or a dictionary as it stands
    return dict(shape) if isinstance(shape, Mapping) else shape


bp = Routes("openapi", __name__, access=PUBLIC)


@bp.get("/openapi.json")
def show() -> ResponseReturnValue:
    """Describe the API of this service as OpenAPI."""
    extension = current_app.extensions["andamio"]
    if extension.openapi is None:
        service = extension.context.service
        extension.openapi = document(current_app, title=f"Andamio {service}", version="1")
    return jsonify(extension.openapi)
