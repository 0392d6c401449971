"""The thirteen checks of notify-api §2, in their order."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from notify.context import Notify
from notify.models import ApiKey, Service
from notify.standards.service_jwt import TokenUnreadable, read
from shared.clock import FixedClock
from tests.factories.notify import World, add_key, make_world

pytestmark = pytest.mark.rule("notify", "§2")
GUIDE = (
    "Invalid token: make sure your API token matches the example at "
    "https://docs.notifications.service.gov.uk/rest-api.html#authorisation-header"
)
SKEW = "Error: Your system clock must be accurate to within 30 seconds"


def signed(world: World, secret: str | None = None, *, header: dict[str, object] | None = None, **claims: object) -> str:
    """A token made by hand, so that nothing is too wrong to be made."""
    body = {"iss": str(world.service_id), "iat": int(world.notify.clock.now().timestamp())} | claims
    body = {name: value for name, value in body.items() if value is not ...}
    parts = [header or {"typ": "JWT", "alg": "HS256"}, body]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    mac = hmac.digest((secret or world.secrets["normal"]).encode(), text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def no_keys(world: World) -> None:
    with world.notify.db.begin() as connection:
        connection.execute(delete(ApiKey))
    world.notify.catalogue.forget()


def archived(world: World) -> None:
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).values(active=False))
    world.notify.catalogue.forget()


def at_offset(seconds: int) -> Callable[[World], str]:
    return lambda world: signed(world, iat=int(world.notify.clock.now().timestamp()) + seconds)


Make = Callable[[World], str | None]
CASES: dict[str, tuple[Make, int, str]] = {
    "1 no header": (lambda _: None, 401, "Unauthorized: authentication token must be provided"),
    "2 basic": (lambda _: "Basic abc", 401, "Unauthorized: authentication bearer scheme must be used"),
    "2 no space": (lambda w: "Bearer" + signed(w), 401, "Unauthorized: authentication bearer scheme must be used"),
    "2 empty": (lambda _: "", 401, "Unauthorized: authentication bearer scheme must be used"),
    "3 no token": (lambda _: "Bearer ", 403, GUIDE),
    "3 two parts": (lambda _: "Bearer a.b", 403, GUIDE),
    "3 not base64": (lambda _: "Bearer é.ü.ñ", 403, GUIDE),
    "3 not JSON": (lambda _: "Bearer YQ.YQ.YQ", 403, GUIDE),
    "3 claims no object": (lambda _: "Bearer e30.W10.YQ", 403, GUIDE),
    "3 too long": (lambda w: "Bearer " + signed(w, x="y" * 5000), 403, GUIDE),
    "4 no iss": (lambda w: "Bearer " + signed(w, iss=...), 403, "Invalid token: iss field not provided"),
    "5 iss no UUID": (lambda w: "Bearer " + signed(w, iss="x"), 403, "Invalid token: service id is not the right data type"),
    "5 iss a number": (lambda w: "Bearer " + signed(w, iss=5), 403, "Invalid token: service id is not the right data type"),
    "6 unknown": (lambda w: "Bearer " + signed(w, iss=str(uuid.uuid4())), 403, "Invalid token: service not found"),
    "9 early": (lambda w: "Bearer " + at_offset(-31)(w), 403, SKEW),
    "9 late": (lambda w: "Bearer " + at_offset(31)(w), 403, SKEW),
    "10 none": (lambda w: "Bearer " + signed(w, header={"alg": "none"}), 403, "Invalid token: algorithm used is not HS256"),
    "10 HS512": (lambda w: "Bearer " + signed(w, header={"alg": "HS512"}), 403, "Invalid token: algorithm used is not HS256"),
    "10 RS256": (lambda w: "Bearer " + signed(w, header={"alg": "RS256"}), 403, "Invalid token: algorithm used is not HS256"),
    "11 iat no number": (lambda w: "Bearer " + signed(w, iat="soon"), 403, GUIDE),
    "11 iat no time": (lambda w: "Bearer " + signed(w, iat=10**400), 403, GUIDE),
    "11 expired": (lambda w: "Bearer " + signed(w, exp=1), 403, GUIDE),
    "11 exp no time": (lambda w: "Bearer " + signed(w, exp=10**400), 403, GUIDE),
    "13 other secret": (lambda w: "Bearer " + signed(w, "other"), 403, "Invalid token: API key not found"),
    "13 other secret, late": (lambda w: "Bearer " + signed(w, "other", iat=1), 403, "Invalid token: API key not found"),
    "13 no iat": (lambda w: "Bearer " + signed(w, iat=...), 403, "Invalid token: API key not found"),
}


def refused(client: FlaskClient, header: str | None, status: int, message: str) -> None:
    answer = client.get("/v2/templates", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == status
    assert answer.json == {"status_code": status, "errors": [{"error": "AuthError", "message": message}]}


@pytest.mark.parametrize("case", CASES)
def test_refused(client: FlaskClient, world: World, case: str) -> None:
    make, status, message = CASES[case]
    refused(client, make(world), status, message)


def test_7_a_service_without_keys(client: FlaskClient, world: World) -> None:
    header = "Bearer " + signed(world)
    no_keys(world)
    refused(client, header, 403, "Invalid token: service has no API keys")
    archived(world)  # 7 comes before 8
    refused(client, header, 403, "Invalid token: service has no API keys")


def test_8_an_archived_service(client: FlaskClient, world: World) -> None:
    archived(world)
    refused(client, "Bearer " + signed(world, iat=1), 403, "Invalid token: service is archived")


def test_12_a_revoked_key_then_13_after_seven_days(client: FlaskClient, world: World, clock: FixedClock) -> None:
    secret = add_key(world, "normal", revoked_at=clock.now(), label="revoked")
    refused(client, "Bearer " + signed(world, secret), 403, "Invalid token: API key revoked")
    refused(client, "Bearer " + signed(world, secret, iat=1), 403, SKEW)  # 9 comes before 12
    clock.advance(seconds=timedelta(days=7, seconds=1).total_seconds())
    refused(client, "Bearer " + signed(world, secret), 403, "Invalid token: API key not found")


@pytest.mark.parametrize("seconds", [-30, 0, 30])
@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER "])
def test_accepted(client: FlaskClient, world: World, seconds: int, scheme: str) -> None:
    answer = client.get("/v2/templates", headers={"Authorization": scheme + at_offset(seconds)(world)})
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["normal", "team", "test"])
def test_every_key_of_the_service_is_tried(client: FlaskClient, world: World, kind: str) -> None:
    assert client.get("/v2/templates", headers=world.headers(kind)).status_code == 200


def test_a_token_of_the_published_library_is_taken(client: FlaskClient, world: World) -> None:
    claims = {"iss": str(world.service_id), "iat": world.notify.clock.now().timestamp()}
    token = jwt.encode(claims, world.secrets["normal"], algorithm="HS256")
    assert client.get("/v2/templates", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_key_of_another_service_opens_nothing(client: FlaskClient, world: World, notify: Notify) -> None:
    other = make_world(notify)
    refused(client, "Bearer " + signed(world, other.secrets["normal"]), 403, "Invalid token: API key not found")


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}", fullmatch=True))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        token = read(text)
    except TokenUnreadable:
        return
    assert not token.fits("secret") or token.signature
