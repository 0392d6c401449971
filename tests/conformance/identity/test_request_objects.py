"""Signed authorization requests (JAR), through the browser and pushed (§2.13)."""

import base64
import json
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from tests.factories.identity import CALLBACK, ISSUER, STATE, House, authorization, sent_to_client, web_client
from tests.factories.identity_protocol import Strict, ec_key, enter, fapi_client, public, signed

Changes = dict[str, Any]


@pytest.fixture
def client(house: House) -> Strict:
    """A web client that signs its requests."""
    key = ec_key(24)
    new = web_client(client_id="signing", auth_method="private_key_jwt", jwks={"keys": [public(key)]}, request_object_alg="ES256")
    enter(house, new)
    return Strict(house, "signing", key)


def claims_of(client: Strict, **changes: Any) -> dict[str, Any]:
    now = int(client.house.clock.now().timestamp())
    claims = {"iss": client.client_id, "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 300, **authorization(client_id=client.client_id)}
    shifts = {name: now + changes.pop("in_" + name) for name in ("exp", "nbf", "iat") if "in_" + name in changes}
    return {name: value for name, value in {**claims, **shifts, **changes}.items() if value is not None}


def made(client: Strict, *, header: dict[str, Any] | None = None, key: Any = None, **changes: Any) -> str:
    """A request object; a claim set to None is left out."""
    whole = {"alg": "ES256", "kid": client.key.kid, "typ": "oauth-authz-req+jwt", **(header or {})}
    return signed({name: value for name, value in whole.items() if value is not None}, claims_of(client, **changes), key or client.key)


def unsigned(client: Strict, alg: str) -> str:
    parts = [json.dumps({"alg": alg}).encode(), json.dumps(claims_of(client)).encode()]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), ""])


def encrypted(client: Strict) -> str:
    """The same request as a JWE for its own key: not a signature, whatever is inside."""
    key = ECKey.import_key(public(client.key))
    return jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A256GCM"}, json.dumps(claims_of(client)), key)


WRONG: list[tuple[str, Any]] = [
    ("nonsense", lambda c: "nonsense"),
    ("alg none", lambda c: unsigned(c, "none")),
    ("alg HS256 of nothing", lambda c: unsigned(c, "HS256")),
    ("a JWE", encrypted),
    ("RS256", lambda c: made(c, header={"alg": "RS256"}, key=RSAKey.generate_key(2048))),
    ("a stranger's key", lambda c: made(c, key=ec_key(99))),
    ("an unknown kid", lambda c: made(c, header={"kid": "other"})),
    ("a key in the header", lambda c: made(c, header={"kid": "other", "jwk": public(ec_key(99))}, key=ec_key(99))),
    ("crit", lambda c: made(c, header={"crit": ["b64"], "b64": True})),
    ("typ of an access token", lambda c: made(c, header={"typ": "at+jwt"})),
    ("iss missing", lambda c: made(c, iss=None)),
    ("iss other", lambda c: made(c, iss="web")),
    ("client_id missing", lambda c: made(c, client_id=None)),
    ("client_id other", lambda c: made(c, client_id="web")),
    ("sub is the client", lambda c: made(c, sub="signing")),
    ("aud missing", lambda c: made(c, aud=None)),
    ("aud other", lambda c: made(c, aud="https://elsewhere.example")),
    ("aud a number", lambda c: made(c, aud=7)),
    ("exp missing", lambda c: made(c, exp=None)),
    ("exp a text", lambda c: made(c, exp="soon")),
    ("expired", lambda c: made(c, in_exp=-11)),
    ("over an hour long", lambda c: made(c, in_exp=3601)),
    ("nbf over a minute ahead", lambda c: made(c, in_nbf=61)),
    ("nbf over an hour ago", lambda c: made(c, in_nbf=-3601, in_exp=-1)),
    ("another request inside", lambda c: made(c, request="x")),
    ("another address inside", lambda c: made(c, request_uri="https://x.example/")),
    ("half a character", lambda c: made(c, state="\ud800")),
    ("a NUL", lambda c: made(c, state="a\x00")),
]


@pytest.mark.rule("identity", "AZ-20", "KY-5", "CA-6")
def test_request_objects_that_are_refused(house: House, client: Strict) -> None:
    for name, make in WRONG:
        outside = {"client_id": "signing", "redirect_uri": CALLBACK, "state": "outside", "response_type": "code", "request": make(client)}
        told = sent_to_client(house.browser().open("/openid/authorize", query_string=outside))
        assert (told["error"], told["state"]) == ("invalid_request_object", "outside"), name
        bare = house.browser().open("/openid/authorize", query_string={"client_id": "signing", "request": make(client)})
        assert (bare.status_code, bare.mimetype) == (400, "text/html"), name
        pushed = house.client().post("/openid/par", data=client.authenticated(request=make(client)))
        assert (pushed.status_code, pushed.json["error"]) == (400, "invalid_request_object"), name


GOOD: list[tuple[str, Changes]] = [
    ("plain", {}),
    ("without typ", {"header": {"typ": None}}),
    ("aud a list", {"aud": ["https://x.example", ISSUER]}),
    ("nbf in eight seconds", {"in_nbf": 8}),
    ("without nbf", {"nbf": None}),
    ("max_age a number", {"max_age": 3600}),
    ("claims an object", {"claims": {"userinfo": {"email": None}}}),
    ("one resource in a list", {"resource": ["https://notify.example"]}),
    ("with jti", {"jti": "x"}),
]


@pytest.mark.rule("identity", "AZ-6", "AZ-20")
def test_request_objects_that_are_taken(house: House, client: Strict) -> None:
    for name, changes in GOOD:
        request = made(client, **changes)
        answer = house.browser().open(
            "/openid/authorize", query_string={"client_id": "signing", "request": request, "state": "outside", "scope": "pizza"}
        )
        assert answer.status_code == 200, (name, answer.headers.get("Location"))
        assert house.client().post("/openid/par", data=client.authenticated(request=made(client, **changes))).status_code == 201, name


@pytest.mark.rule("identity", "AZ-6", "AZ-20", "AZ-24")
def test_only_what_is_inside_counts(house: House, client: Strict) -> None:
    browser = house.browser()
    inside = made(client, state=None)
    page = browser.open("/openid/authorize", query_string={"client_id": "signing", "request": inside, "state": "outside"})
    address = page.request.path
    sent = sent_to_client(browser.log_in())
    assert "state" not in sent
    assert browser.open(address).headers["Location"] == "https://client.example/", "what was signed counts once"
    with_state = sent_to_client(browser.open("/openid/authorize", query_string={"client_id": "signing", "request": made(client)}))
    assert with_state["state"] == STATE


@pytest.mark.rule("identity", "AZ-20")
def test_who_did_not_register_request_objects(house: House, client: Strict) -> None:
    told = sent_to_client(house.browser().authorize(request=made(client)))
    assert told["error"] == "request_not_supported"


def test_under_fapi_a_request_object_needs_nbf(house: House) -> None:
    client = fapi_client(house, request_object_alg="ES256")
    assert house.client().post("/openid/par", data=client.authenticated(request=made(client))).status_code == 201
    without = house.client().post("/openid/par", data=client.authenticated(request=made(client, nbf=None)))
    assert without.json["error"] == "invalid_request_object"
