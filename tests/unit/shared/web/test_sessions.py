from datetime import timedelta

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from shared.access import PUBLIC
from shared.app import register
from shared.clock import FixedClock
from shared.context import Context
from shared.crypto import sha256_hex
from shared.routes import Routes
from shared.web.schema import web_sessions
from shared.web.sessions import IDLE_SECONDS, LIFE_SECONDS, WebSession, delete_expired_sessions, end_sessions_of_login


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    routes = Routes("sessions", __name__, access=PUBLIC)

    @routes.post("/put/<value>")
    def put(value: str) -> ResponseReturnValue:
        session["value"] = value
        return ""

    @routes.get("/get")
    def get() -> ResponseReturnValue:
        return str(session.get("value"))

    @routes.post("/rotate")
    def rotate() -> ResponseReturnValue:
        found = session._get_current_object()  # type: ignore[attr-defined]
        assert isinstance(found, WebSession)
        found.rotate()
        found.login_hash = sha256_hex("sid-1")
        return ""

    @routes.post("/end")
    def end() -> ResponseReturnValue:
        session.clear()
        return ""

    register(app, [routes])
    return app.test_client()


def rows(context: Context) -> int:
    with context.db.engine.connect() as connection:
        return len(connection.execute(select(web_sessions)).all())


def id_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("toy-session")
    return cookie.value if cookie else ""


def test_looking_makes_neither_row_nor_cookie(client: FlaskClient, context: Context) -> None:
    assert client.get("/get").text == "None"
    assert rows(context) == 0
    assert id_of(client) == ""


def test_what_is_put_is_found_again(client: FlaskClient) -> None:
    client.post("/put/one")
    assert client.get("/get").text == "one"


def test_the_database_holds_neither_the_id_nor_the_value(client: FlaskClient, context: Context) -> None:
    client.post("/put/Camila")
    with context.db.engine.connect() as connection:
        row = connection.execute(select(web_sessions)).one()
    assert row.id_hash == sha256_hex(id_of(client))
    assert b"Camila" not in row.data
    assert len(id_of(client)) == 43  # 256 bits


def test_an_id_that_a_visitor_brought_is_never_taken_up(client: FlaskClient) -> None:
    brought = "A" * 43
    client.set_cookie("toy-session", brought)
    client.post("/put/one")
    assert id_of(client) not in {"", brought}


@pytest.mark.parametrize("brought", ["", "short", "x" * 3_000, "'; drop table web_sessions; --" + "x" * 20])
def test_a_broken_cookie_is_no_session(client: FlaskClient, brought: str) -> None:
    client.set_cookie("toy-session", brought)
    assert client.get("/get").text == "None"


def test_rotation_keeps_the_values_and_kills_the_old_id(client: FlaskClient, app: Flask) -> None:
    client.post("/put/one")
    old = id_of(client)
    client.post("/rotate")
    assert id_of(client) != old
    assert client.get("/get").text == "one"
    thief = app.test_client()
    thief.set_cookie("toy-session", old)
    assert thief.get("/get").text == "None"


def test_it_ends_when_it_is_not_used(client: FlaskClient, clock: FixedClock) -> None:
    client.post("/put/one")
    clock.advance(seconds=IDLE_SECONDS - 1)
    assert client.get("/get").text == "one"
    clock.advance(seconds=IDLE_SECONDS)
    assert client.get("/get").text == "None"


def test_it_ends_after_its_whole_life_however_much_it_is_used(client: FlaskClient, clock: FixedClock) -> None:
    client.post("/put/one")
    step = IDLE_SECONDS - 60
    for _ in range(LIFE_SECONDS // step):
        clock.advance(seconds=step)
        assert client.get("/get").text == "one"
    clock.advance(seconds=step)
    assert client.get("/get").text == "None"


def test_emptied_it_is_gone_with_its_cookie(client: FlaskClient, context: Context) -> None:
    client.post("/put/one")
    client.post("/end")
    assert rows(context) == 0
    assert id_of(client) == ""


def test_a_session_ended_elsewhere_is_not_brought_back_by_a_late_write(client: FlaskClient, context: Context, app: Flask) -> None:
    client.post("/put/one")
    client.post("/rotate")
    with app.test_request_context("/get", headers={"Cookie": f"toy-session={id_of(client)}"}):
        app.preprocess_request()
        session["value"] = "late"
        assert end_sessions_of_login(context, "sid-1") == 1
        app.process_response(app.make_response(""))
    assert rows(context) == 0


def test_the_end_at_the_issuer_ends_only_the_sessions_of_that_login(client: FlaskClient, app: Flask, context: Context) -> None:
    client.post("/put/one")
    client.post("/rotate")
    other = app.test_client()
    other.post("/put/two")
    assert end_sessions_of_login(context, "sid-1") == 1
    assert client.get("/get").text == "None"
    assert other.get("/get").text == "two"


def test_expired_rows_are_deleted_and_no_others(client: FlaskClient, app: Flask, context: Context, clock: FixedClock) -> None:
    client.post("/put/one")
    clock.advance(seconds=timedelta(seconds=IDLE_SECONDS).total_seconds())
    app.test_client().post("/put/two")
    assert delete_expired_sessions(context) == 1
    assert rows(context) == 1


def test_a_row_that_was_altered_is_no_session(client: FlaskClient, context: Context) -> None:
    client.post("/put/one")
    with context.db.begin() as connection:
        connection.execute(web_sessions.update().values(data=b"\x01" + b"x" * 40))
    assert client.get("/get").text == "None"
