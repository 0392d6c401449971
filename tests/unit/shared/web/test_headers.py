import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.web.headers import allow, policy


def directives(header: str) -> dict[str, list[str]]:
    return {part.split()[0]: part.split()[1:] for part in header.split("; ")}


def test_a_page_may_load_nothing_but_our_own_styles_pictures_and_fonts(client: FlaskClient) -> None:
    found = directives(client.get("/form").headers["Content-Security-Policy"])
    assert found.pop("default-src") == ["'none'"]
    assert found.pop("frame-ancestors") == ["'none'"]
    assert found.pop("base-uri") == ["'none'"]
    assert found == {key: ["'self'"] for key in ("style-src", "img-src", "font-src", "form-action")}


def test_an_addition_is_for_one_response_alone(client: FlaskClient) -> None:
    assert directives(client.get("/acting").headers["Content-Security-Policy"])["form-action"] == ["'self'", "https://client.example"]
    assert directives(client.get("/form").headers["Content-Security-Policy"])["form-action"] == ["'self'"]


@pytest.mark.parametrize("path", ["/form", "/missing", "/data", "/static/none.css"])
def test_every_answer_has_the_plain_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/form", "/missing", "/about/privacy", "/data", "/openapi.json"])
def test_what_does_not_say_otherwise_is_not_stored(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "source", ["*", "https://a.example; script-src *", "https://a.example https://b.example", "a,b", "x\r\ny", "https://*.example"]
)
def test_a_source_that_is_not_one_source_is_refused(app: Flask, source: str) -> None:
    with app.test_request_context(), pytest.raises(ValueError, match="not one source"):
        allow("form-action", source)


def test_an_addition_takes_the_place_of_none() -> None:
    assert "script-src 'sha256-abc'" in policy({"script-src": ["'sha256-abc'"]})
    assert directives(policy({"default-src": ["'self'"]}))["default-src"] == ["'self'"]
