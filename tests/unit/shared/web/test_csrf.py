import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from shared.web.csrf import Csrf


def mark_in(client: FlaskClient) -> str:
    return str(re.search(r'name="csrf_token" value="([^"]+)"', client.get("/form").text)[1])  # type: ignore[index]


def test_a_form_of_ours_is_taken(client: FlaskClient) -> None:
    assert client.post("/form", data={"csrf_token": mark_in(client)}).status_code == 200


def test_the_mark_may_come_in_a_header(client: FlaskClient) -> None:
    assert client.post("/form", headers={"X-CSRF-Token": mark_in(client)}).status_code == 200


@pytest.mark.parametrize("mark", [None, "", "x", "A" * 86, "é" * 20, "=" * 30, "A" * 100_000])
def test_a_form_without_our_mark_is_refused_on_a_page_that_says_what_to_do(client: FlaskClient, mark: str | None) -> None:
    mark_in(client)
    response = client.post("/form", data={} if mark is None else {"csrf_token": mark})
    assert response.status_code == 403
    assert "La página estuvo abierta demasiado tiempo" in response.text
    assert "envíe otra vez el formulario" in response.text


def test_another_visitor_s_mark_is_refused(app: Flask) -> None:
    one, other = app.test_client(), app.test_client()
    mark_in(other)
    assert other.post("/form", data={"csrf_token": mark_in(one)}).status_code == 403


def test_a_mark_without_its_cookie_is_refused(app: Flask) -> None:
    assert app.test_client().post("/form", data={"csrf_token": mark_in(app.test_client())}).status_code == 403


def test_marks_differ_in_each_page_and_all_are_good(client: FlaskClient) -> None:
    marks = [mark_in(client) for _ in range(3)]
    assert len(set(marks)) == 3
    assert all(client.post("/form", data={"csrf_token": mark}).status_code == 200 for mark in marks)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: FlaskClient) -> None:
    cookie = client.get("/form").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    assert Csrf(lambda: b"k" * 32, service="toy", secure=True).cookie == "__Host-toy-form"


@given(st.binary(min_size=64, max_size=64))
def test_no_made_up_mark_fits(made_up: bytes) -> None:
    import base64

    app = Flask(__name__)
    csrf = Csrf(lambda: b"k" * 32, service="toy", secure=False)
    with app.test_request_context(headers={"Cookie": "toy-form=" + "v" * 43}):
        assert csrf.matches(csrf.mark())
        assert not csrf.matches(base64.urlsafe_b64encode(made_up).decode().rstrip("="))
