import json
from dataclasses import replace
from enum import StrEnum

import pytest
import structlog
from flask import Flask, Response
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from sqlalchemy.exc import OperationalError

from shared import logs
from shared.access import PUBLIC, PUBLIC_PAGE, Scope
from shared.app import base_app, register
from shared.bodies import load_json
from shared.context import Context
from shared.problems import NotFound, Problem, TooManyRequests
from shared.routes import Routes
from shared.settings import Secret


class ThingSchema(Schema):
    name = fields.String(required=True)
    size = fields.Integer(strict=True)


class Happened(StrEnum):
    MADE = "toy:thing:made"


def v9_format(problem: Problem) -> Response:
    return Response(json.dumps({"code": problem.status}), status=problem.status, content_type="application/json")


def toy_routes() -> Routes:
    routes = Routes("toy", __name__, access=PUBLIC)

    @routes.get("/fault")
    def fault() -> str:
        raise KeyError("11.111.111-1")

    @routes.get("/away")
    def away() -> str:
        raise OperationalError("select", {}, Exception("gone"))

    @routes.get("/missing")
    def missing() -> str:
        raise NotFound("No such thing.", thing="t1")

    @routes.get("/v9/missing")
    def foreign() -> str:
        raise NotFound("No such thing.")

    @routes.get("/slow-down")
    def slow_down() -> str:
        raise TooManyRequests(retry_after_seconds=7)

    @routes.post("/things")
    def things() -> Response:
        return Response(json.dumps(load_json(ThingSchema(), max_bytes=1000)), content_type="application/json")

    @routes.get("/page", access=PUBLIC_PAGE)
    def a_page() -> str:
        raise NotFound("No such thing.")

    @routes.post("/page", access=PUBLIC_PAGE)
    def form() -> str:
        return "done"

    @routes.get("/guarded", access=Scope("toy:read"))
    def guarded() -> str:
        return "in"

    return routes


@pytest.fixture
def app(context: Context) -> Flask:
    made = base_app(context, import_name="shared", formats={"/v9/": v9_format})
    register(made, [toy_routes()])
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_problem_is_a_document_with_a_request_id(client: FlaskClient) -> None:
    answer = client.get("/missing", headers={"X-Request-Id": "abcdefgh-1"})
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert answer.json == {
        "type": "urn:andamio:problem:not-found",
        "title": "Nothing was found here",
        "status": 404,
        "detail": "No such thing.",
        "request_id": "abcdefgh-1",
        "thing": "t1",
    }
    assert answer.headers["X-Request-Id"] == "abcdefgh-1"


@pytest.mark.parametrize("sent", ["short", "x" * 65, "with space 12345", "línea-con-ñ-1", 'quo"te-12345'])
def test_request_id_of_another_form_is_replaced(client: FlaskClient, sent: str) -> None:
    given = client.get("/healthz", headers={"X-Request-Id": sent}).headers["X-Request-Id"]
    assert given != sent
    assert len(given) == 16


def test_fault_of_ours_leaves_no_text(client: FlaskClient) -> None:
    answer = client.get("/fault")
    assert answer.status_code == 500
    assert "11.111.111-1" not in answer.text
    assert "KeyError" not in answer.text


def test_engine_that_is_away_is_a_503_with_retry_after(client: FlaskClient) -> None:
    answer = client.get("/away")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_too_many_requests_says_how_long_to_wait(client: FlaskClient) -> None:
    assert client.get("/slow-down").headers["Retry-After"] == "7"


def test_foreign_contract_keeps_its_own_form(client: FlaskClient) -> None:
    assert client.get("/v9/missing").json == {"code": 404}
    assert client.get("/v9/no-route-at-all").json == {"code": 404}


def test_unknown_address_and_method(client: FlaskClient) -> None:
    assert client.get("/nothing").status_code == 404
    answer = client.delete("/things")
    assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, {"POST", "OPTIONS"})


@pytest.mark.parametrize("path", ["//guarded", "//v9/missing", "/v9//missing"])
def test_an_address_with_two_slashes_is_not_there_and_nothing_is_sent_on(client: FlaskClient, path: str) -> None:
    answer = client.get(path, base_url="http://evil.example")
    assert (answer.status_code, answer.headers.get("Location")) == (404, None)


def test_page_gets_a_page(client: FlaskClient) -> None:
    answer = client.get("/page", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert answer.text.count("<main") == answer.text.count("<h1") == 1
    assert answer.headers["X-Request-Id"] in answer.text


def test_form_without_csrf_token_is_refused(client: FlaskClient) -> None:
    assert client.post("/page", data={}).status_code == 403


def test_route_without_access_rule_keeps_the_app_from_starting(context: Context) -> None:
    with pytest.raises(ValueError, match="states no access rule"):
        Routes("bare", __name__).get("/x")(lambda: "x")
    made = base_app(context, import_name="shared")
    made.add_url_rule("/raw", "raw", lambda: "x")
    with pytest.raises(ValueError, match="without an access rule: raw"):
        register(made, [])


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"name": "a", "size": 1}', "application/json", 200),
        (b'{"name": "a", "extra": 1}', "application/json", 400),
        (b'{"name": 5}', "application/json", 400),
        (b"{}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 900, "application/json", 400),
        (b'{"name": "a\\u0000"}', "application/json", 400),
        (b'{"name": "a\\\\\\u0000"}', "application/json", 400),
        (b'{"name": "a\\\\u0000", "size": 1}', "application/json", 200),
        ('{"name": "a", "size": 1}'.encode("utf-16"), "application/json", 400),
        (b'{"name": "a"}', "text/plain", 415),
        (b'{"name": "' + b"a" * 2000 + b'"}', "application/json", 413),
    ],
)
def test_body_is_read_or_refused(client: FlaskClient, body: bytes, content_type: str, status: int) -> None:
    answer = client.post("/things", data=body, content_type=content_type)
    assert answer.status_code == status
    if status != 200:
        assert answer.content_type == "application/problem+json"


def test_fields_at_fault_are_named(client: FlaskClient) -> None:
    answer = client.post("/things", json={"size": "x"})
    assert answer.json is not None
    assert set(answer.json["errors"]) == {"name", "size"}


@pytest.mark.parametrize("header", [None, "Basic abc", "Bearer", "Bearer  "])
def test_guarded_route_wants_a_token(client: FlaskClient, header: str | None) -> None:
    answer = client.get("/guarded", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_bad_token_is_told_apart(client: FlaskClient) -> None:
    answer = client.get("/guarded", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_health(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ok", "checks": {"database": "ok", "queue": "ok", "cache": "ok"}}


def test_service_is_ready_while_the_queue_is_away_and_not_without_its_database(client: FlaskClient, context: Context) -> None:
    context.settings = replace(context.settings, broker_url=Secret("redis://127.0.0.1:1/0"))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "checks": {"database": "ok", "queue": "away", "cache": "ok"}})
    context.__dict__["redis"] = type(context.redis).from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    assert client.get("/readyz").json["checks"]["cache"] == "away"
    from shared.db import Database

    context.close()
    context.__dict__["db"] = Database("postgresql://nobody@127.0.0.1:1/x")
    assert client.get("/readyz").status_code == 503


def test_metrics_are_for_the_inside(client: FlaskClient) -> None:
    client.get("/healthz")
    text = client.get("/metrics").text
    assert 'andamio_request_seconds_count{method="GET",route="/healthz",service="toy",status="200"}' in text
    assert 'andamio_outbox_waiting{service="toy"} 0.0' in text
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403


def test_log_line_has_the_route_and_no_value_of_the_caller(client: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    flush = logs.configure("toy", "info")
    try:
        client.get("/missing?run=11.111.111-1", headers={"X-Forwarded-For": "203.0.113.9", "X-Journey-Id": "journey-1"})
        client.get("/fault")
        flush()
    finally:
        structlog.configure(**before)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"], line["service"]) for line in requests] == [("/missing", 404, "toy"), ("/fault", 500, "toy")]
    assert requests[0]["journey_id"] == "journey-1"
    (fault,) = [line for line in lines if line["event"] == "unhandled"]
    assert fault["exception"] == "KeyError"
    assert fault["frames"]
    assert "11.111.111-1" not in json.dumps(lines)
    assert "203.0.113.9" not in json.dumps(lines)


def test_what_is_recorded_is_counted_once_it_is_committed(app: Flask) -> None:
    context: Context = app.extensions["andamio"].context
    line = 'andamio_events_total{action="toy:thing:made",outcome="done",service="toy"} '

    def counted() -> float:
        [found] = [text for text in app.test_client().get("/metrics").get_data(as_text=True).splitlines() if text.startswith(line)] or [
            line + "0"
        ]
        return float(found.removeprefix(line))

    before = counted()
    with context.transaction() as tx:
        tx.record(Happened.MADE, actor="test")
        assert counted() == before
    assert counted() == before + 1
    with pytest.raises(RuntimeError, match="undone"), context.transaction() as tx:
        tx.record(Happened.MADE, actor="test")
        raise RuntimeError("undone")
    assert counted() == before + 1
