"""Each way to ask the token endpoint wrongly."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.factories.identity import CALLBACK, ISSUER, PUBLIC_URL, RESOURCE, SECRET, VERIFIER, House

Form = dict[str, Any]
RSA = RSAKey.generate_key(2048)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{quote(client_id)}:{quote(secret)}".encode()).decode()


CODE_CASES = [
    ("code missing", {"code": None}, 400, "invalid_request"),
    ("code unknown", {"code": "x" * 43}, 400, "invalid_grant"),
    ("code huge", {"code": "x" * 40_000}, 400, "invalid_grant"),
    ("code of odd letters", {"code": "ñ🦤\u202e"}, 400, "invalid_grant"),
    ("redirect_uri missing", {"redirect_uri": None}, 400, "invalid_grant"),
    ("redirect_uri other", {"redirect_uri": CALLBACK + "?a=1"}, 400, "invalid_grant"),
    ("verifier missing", {"code_verifier": None}, 400, "invalid_grant"),
    ("verifier wrong", {"code_verifier": "x" * 43}, 400, "invalid_grant"),
    ("verifier short", {"code_verifier": "x" * 42}, 400, "invalid_grant"),
    ("verifier long", {"code_verifier": "x" * 129}, 400, "invalid_grant"),
    ("verifier with odd letters", {"code_verifier": VERIFIER[:-1] + "!"}, 400, "invalid_grant"),
    ("other client", {"client_id": "web-two"}, 400, "invalid_grant"),
    ("resource not asked for", {"resource": RESOURCE}, 400, "invalid_target"),
    ("grant_type missing", {"grant_type": None}, 400, "invalid_request"),
    ("grant_type unknown", {"grant_type": "pizza"}, 400, "unsupported_grant_type"),
    ("grant_type password", {"grant_type": "password"}, 400, "unsupported_grant_type"),
    ("grant_type not allowed", {"grant_type": "client_credentials"}, 400, "unauthorized_client"),
    ("secret wrong", {"client_secret": SECRET + "x"}, 401, "invalid_client"),
    ("secret missing", {"client_secret": None}, 401, "invalid_client"),
    ("client unknown", {"client_id": "nobody"}, 401, "invalid_client"),
    ("client missing", {"client_id": None}, 401, "invalid_client"),
    ("two ways", {"client_assertion": "a.b.c"}, 400, "invalid_request"),
    ("machine with a secret", {"client_id": "machine"}, 401, "invalid_client"),
    ("public client with a secret", {"client_id": "app"}, 401, "invalid_client"),
]


@pytest.mark.rule("identity", "TK-1", "TK-2", "TK-3", "TK-10", "CA-1", "CA-2", "PK-1", "PK-4", "HT-4", "HT-5")
def test_refusals_of_a_code_exchange(house: House) -> None:
    for name, changes, status, error in CODE_CASES:
        answer = house.token(house.code_form(house.new_code(), **changes))
        assert (answer.status_code, answer.json["error"]) == (status, error), name
        assert set(answer.json) == {"error", "error_description"}, name
        assert answer.headers["Cache-Control"] == "no-store", name
        assert answer.headers["Pragma"] == "no-cache", name


@pytest.mark.rule("identity", "PK-6")
def test_a_wrong_verifier_uses_the_code_up(house: House) -> None:
    code = house.new_code()
    house.token(house.code_form(code, code_verifier="x" * 43))
    assert house.token(house.code_form(code)).json["error"] == "invalid_grant"


@pytest.mark.rule("identity", "TK-3")
def test_another_client_cannot_use_a_code_up(house: House) -> None:
    code = house.new_code()
    assert house.token(house.code_form(code, client_id="web-two")).json["error"] == "invalid_grant"
    assert house.token(house.code_form(code)).status_code == 200


@pytest.mark.rule("identity", "PK-5")
def test_a_verifier_without_a_challenge_is_a_downgrade(house: House) -> None:
    code = house.new_code(client_id="legacy", scope="openid run", code_challenge=None, code_challenge_method=None)
    form = house.code_form(code, client_id="legacy", client_secret="0123456789abcdef0123456789abcdef")
    assert house.token(form).json["error"] == "invalid_grant"


@pytest.mark.rule("identity", "AZ-23", "PK-1")
@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400), (3600, 400)])
def test_a_code_lives_sixty_seconds(house: House, seconds: int, status: int) -> None:
    code = house.new_code()
    house.clock.advance(seconds=seconds)
    assert house.token(house.code_form(code)).status_code == status


@pytest.mark.rule("identity", "CA-3", "TK-2")
def test_basic_credentials_are_form_urlencoded_and_challenged(house: House) -> None:
    form = house.code_form(house.new_code(), client_id=None, client_secret=None)
    assert house.token(form, Authorization=basic("web", SECRET)).status_code == 200
    for header in (basic("web", "wrong"), basic("nobody", SECRET), "Basic !!!", "Basic " + base64.b64encode(b"web").decode(), "Digest x"):
        answer = house.token(form, Authorization=header)
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client"), header
        assert answer.headers["WWW-Authenticate"].startswith("Basic"), header
    both = house.token(house.code_form("x"), Authorization=basic("web", SECRET))
    assert (both.status_code, both.json["error"]) == (400, "invalid_request")


MACHINE_CASES: list[tuple[str, Callable[[House], Form], int, str]] = [
    ("assertion missing", lambda h: h.machine_form() | {"client_assertion": ""}, 400, "invalid_request"),
    ("assertion type missing", lambda h: h.machine_form(client_assertion_type=None), 400, "invalid_request"),
    ("assertion type other", lambda h: h.machine_form(client_assertion_type="urn:x"), 400, "invalid_request"),
    ("assertion malformed", lambda h: h.machine_form(client_assertion="a.b"), 401, "invalid_client"),
    ("assertion huge", lambda h: h.machine_form(client_assertion="a" * 20_000 + ".b.c"), 401, "invalid_client"),
    ("assertion of deep JSON", lambda h: h.machine_form(client_assertion=deep()), 401, "invalid_client"),
    ("client_id of another", lambda h: h.machine_form(client_id="web"), 401, "invalid_client"),
    ("unknown client", lambda h: asserted(h, iss="nobody", sub="nobody"), 401, "invalid_client"),
    ("client that has a secret", lambda h: asserted(h, iss="web", sub="web"), 401, "invalid_client"),
    ("iss missing", lambda h: asserted(h, iss=None), 401, "invalid_client"),
    ("iss other", lambda h: asserted(h, iss="web"), 401, "invalid_client"),
    ("sub missing", lambda h: asserted(h, sub=None), 401, "invalid_client"),
    ("aud missing", lambda h: asserted(h, aud=None), 401, "invalid_client"),
    ("aud is the token endpoint", lambda h: asserted(h, aud=ISSUER + "/token"), 401, "invalid_client"),
    ("aud is a list", lambda h: asserted(h, aud=[ISSUER]), 401, "invalid_client"),
    ("aud with a slash", lambda h: asserted(h, aud=ISSUER + "/"), 401, "invalid_client"),
    ("exp missing", lambda h: asserted(h, exp=None), 401, "invalid_client"),
    ("exp five minutes ago", lambda h: asserted(h, exp=now(h) - 300), 401, "invalid_client"),
    ("exp an hour ahead", lambda h: asserted(h, exp=now(h) + 3600), 401, "invalid_client"),
    ("exp a text", lambda h: asserted(h, exp="soon"), 401, "invalid_client"),
    ("exp true", lambda h: asserted(h, exp=True), 401, "invalid_client"),
    ("exp beyond all time", lambda h: asserted(h, exp=10**30), 401, "invalid_client"),
    ("iat two minutes ahead", lambda h: asserted(h, iat=now(h) + 120), 401, "invalid_client"),
    ("nbf two minutes ahead", lambda h: asserted(h, nbf=now(h) + 120), 401, "invalid_client"),
    ("jti missing", lambda h: asserted(h, jti=None), 401, "invalid_client"),
    ("jti empty", lambda h: asserted(h, jti=""), 401, "invalid_client"),
    ("jti huge", lambda h: asserted(h, jti="j" * 257), 401, "invalid_client"),
    ("jti a number", lambda h: asserted(h, jti=7), 401, "invalid_client"),
    ("unknown kid", lambda h: asserted(h, header={"alg": "ES256", "kid": "other"}), 401, "invalid_client"),
    ("stranger's key", lambda h: asserted(h, key=ECKey.generate_key("P-256")), 401, "invalid_client"),
    (
        "other algorithm",
        lambda h: asserted(h, key=RSAKey.generate_key(2048), header={"alg": "RS256", "kid": "machine-1"}),
        401,
        "invalid_client",
    ),
    ("scope not granted", lambda h: h.machine_form(scope="pay:write"), 400, "invalid_scope"),
    ("scope malformed", lambda h: h.machine_form(scope='"'), 400, "invalid_request"),
    ("resource unknown", lambda h: h.machine_form(resource="https://elsewhere.example"), 400, "invalid_target"),
    ("resource missing, two possible", lambda h: h.machine_form(resource=None), 400, "invalid_target"),
    ("two resources", lambda h: h.machine_form(resource=[RESOURCE, PUBLIC_URL]), 400, "invalid_target"),
    ("authorization_code", lambda h: h.machine_form(grant_type="authorization_code"), 400, "unauthorized_client"),
]


def now(house: House) -> int:
    return int(house.clock.now().timestamp())


def asserted(house: House, **changes: Any) -> Form:
    return house.machine_form(client_assertion=house.assertion(**changes))


def deep() -> str:
    return base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=") + ".e30.x"


@pytest.mark.rule("identity", "CA-1", "CA-2", "CA-4", "CA-5", "CA-6", "CA-7", "TK-1", "TK-9", "KY-5")
def test_refusals_of_a_machine(house: House) -> None:
    for name, form, status, error in MACHINE_CASES:
        answer = house.token(form(house))
        assert (answer.status_code, answer.json["error"]) == (status, error), name


def unsigned(header: bytes, house: House) -> str:
    parts = house.assertion().split(".")
    return ".".join([base64.urlsafe_b64encode(header).decode().rstrip("="), parts[1], ""])


@pytest.mark.rule("identity", "CA-6", "KY-5")
@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none"}',
        b'{"alg":"HS256","kid":"machine-1"}',
        b'{"alg":"ES256","kid":"machine-1","crit":["x"]}',
        b'{"alg":"ES256","zip":"DEF"}',
        b"[]",
        b"{}",
    ],
)
def test_headers_that_choose_how_they_are_checked(house: House, header: bytes) -> None:
    answer = house.token(house.machine_form(client_assertion=unsigned(header, house)))
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


@pytest.mark.rule("identity", "CA-6")
def test_a_key_in_the_header_is_not_used(house: House) -> None:
    stranger = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "kid": "other", "jwk": stranger.as_dict(private=False)}
    assert house.token(asserted(house, key=stranger, header=header)).json["error"] == "invalid_client"


@pytest.mark.rule("identity", "CA-4")
@pytest.mark.parametrize("seconds", [0, 8])
def test_an_assertion_from_slightly_ahead_passes_once(house: House, seconds: int) -> None:
    form = asserted(house, iat=now(house) + seconds, nbf=now(house) + seconds)
    assert house.token(form).status_code == 200
    again = house.token(form)
    assert (again.status_code, again.json["error"]) == (401, "invalid_client")


@pytest.mark.rule("identity", "HT-1", "HT-3", "HT-10", "TK-1")
def test_requests_that_cannot_be_read(house: House) -> None:
    http = house.client()
    assert http.get("/openid/token").status_code == 405
    refused = {
        "json": http.post("/openid/token", json=house.machine_form()),
        "multipart": http.post("/openid/token", data=house.machine_form(), content_type="multipart/form-data"),
        "twice": http.post("/openid/token", data={"grant_type": ["client_credentials", "client_credentials"]}),
        "secret in the address": http.post(f"/openid/token?client_secret={SECRET}", data={"grant_type": "x"}),
        "not UTF-8": http.post("/openid/token", data=b"grant_type=%FF", content_type="application/x-www-form-urlencoded"),
        "NUL": http.post("/openid/token", data=b"client_id=a%00b", content_type="application/x-www-form-urlencoded"),
    }
    assert {name: (a.status_code, a.json["error"]) for name, a in refused.items()} == dict.fromkeys(refused, (400, "invalid_request"))
    big = http.post("/openid/token", data={"x": "y" * 70_000})
    assert (big.status_code, big.json["error"]) == (413, "invalid_request")


@pytest.mark.rule("identity", "TK-8", "TK-9", "CU-30")
def test_a_machine_gets_a_token_for_one_audience(house: House) -> None:
    for path in ("/openid/token", "/openid/token/"):
        answer = house.client().post(path, data=house.machine_form(scope="notify:send"))
        assert answer.json.keys() == {"access_token", "token_type", "expires_in", "scope"}
        token = jwt.decode(
            answer.json["access_token"], KeySet.import_key_set(house.client().get("/openid/jwks").json), algorithms=["ES256"]
        )
        assert token.header["typ"] == "at+jwt"
        assert token.claims["aud"] == RESOURCE
        assert token.claims["sub"] == token.claims["client_id"] == "machine"
        assert token.claims["scope"] == "notify:send"
        assert token.claims["exp"] - token.claims["iat"] == 300 == answer.json["expires_in"]
    assert len(house.audited("identity:token:issued")) == 2
