"""A browser of a person of a team: signed in at an issuer in a few lines, with the roles a test names."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, text
from werkzeug.test import TestResponse

from notify.context import Notify
from shared.auth import cached_documents
from shared.settings import Secret
from shared.web.openid import OpenIdClient
from tests.factories.notify import World
from tests.unit.shared.web.issuer import Issuer

ORG = "org-colegio-araucarias"


def sign_in(app: Flask, *roles: str, acr: str = "2", sub: str = "staff-1") -> FlaskClient:
    """Give a browser in which a person with these roles has signed in, with two factors unless said."""
    notify: Notify = app.extensions["andamio"].context
    notify.settings = replace(notify.settings, login_client_id="notify-console", login_client_secret=Secret("s"))
    issuer = Issuer(notify.clock)
    issuer.claims = {"sub": sub, "acr": f"urn:andamio:acr:{acr}"}
    issuer.userinfo = {"sub": sub, "name": "Rosa Curihuinca Mella", "urn:andamio:roles": list(roles)}
    before, notify.http = notify.http, issuer
    app.extensions["andamio-login"] = OpenIdClient(notify, scopes=("profile", "roles"))
    with notify.db.begin() as connection:
        connection.execute(delete(cached_documents))  # this issuer's keys are its own
    client = app.test_client()
    to_issuer = client.get(client.get("/").headers["Location"])
    done = client.get("/login/callback?" + urlencode(issuer.authorize(to_issuer.headers["Location"])))
    assert done.status_code == 303, done.text
    notify.http = before
    return client


def soup(answer: TestResponse) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "html.parser")


def submit(client: FlaskClient, path: str, form: dict[str, Any] | None = None, *, page: str | None = None) -> TestResponse:
    """Send a form as the page at `page` (or at the same address) gives it: with its mark."""
    mark = soup(client.get(page or path)).select_one("input[name=csrf_token]")
    assert mark is not None, "the page has no form"
    return client.post(path, data={"csrf_token": mark["value"], **(form or {})})


def home(world: World) -> str:
    """The page of the world's service."""
    return f"/services/{world.service_id}"


def actions(notify: Notify) -> list[str]:
    """The audit rows, as they stand in the log."""
    with notify.reading() as tx:
        cores = tx.connection.execute(text("select core from audit_entries")).scalars().all()
    return [str(core) for core in cores]
