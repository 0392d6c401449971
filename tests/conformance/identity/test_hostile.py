"""What strangers send to every endpoint: twice, huge, in the wrong form, under the wrong name; none of it is a fault of ours."""

import base64
import json
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from identity.standards import discovery
from tests.conformance.identity.test_refresh import begin
from tests.factories.identity import ISSUER, SECRET, House, machine_key, web_client
from tests.factories.identity_protocol import enter, fapi_client, public, refreshing_web, signed

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
# The end of a session has pages of its own; a registration is JSON.
NO_FORMS = {discovery.END_SESSION, discovery.REGISTER}
FORM_ENDPOINTS = [endpoint for endpoint in discovery.ENDPOINTS if "POST" in endpoint.methods and endpoint not in NO_FORMS]
TOKEN_LIKE = [endpoint for endpoint in FORM_ENDPOINTS if endpoint not in {discovery.AUTHORIZE, discovery.USERINFO}]
BODIES = [*((f"/openid{endpoint.path}", FORM) for endpoint in FORM_ENDPOINTS), (f"/openid{discovery.REGISTER.path}", JSON)]


@pytest.mark.rule("identity", "HT-10")
@pytest.mark.parametrize(("path", "kind"), BODIES)
def test_ten_megabytes_are_not_read(house: House, path: str, kind: str) -> None:
    answer = house.client().post(path, data=b"x=" + b"y" * 10_000_000, content_type=kind)
    assert answer.status_code == 413
    endless = {"wsgi.input": Endless(), "wsgi.input_terminated": True}
    unsized = house.client().post(path, content_type=kind, environ_overrides=endless)
    assert unsized.status_code == 413


class Endless:
    """A body without an end, as far as anybody reads it."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        assert 0 <= size <= 1_000_000, "nobody may ask for all of it"
        self.given += size
        assert self.given <= 2_000_000, "read on and on"
        return b"y" * size

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)


@pytest.mark.rule("identity", "HT-1", "HT-3")
@pytest.mark.parametrize("endpoint", TOKEN_LIKE, ids=lambda endpoint: endpoint.path)
def test_forms_of_the_wrong_kind(house: House, endpoint: discovery.Endpoint) -> None:
    http, path = house.client(), f"/openid{endpoint.path}"
    body = {"client_id": "web", "client_secret": SECRET, "grant_type": "x", "token": "x"}
    refused = {
        "JSON": http.post(path, json=body),
        "multipart": http.post(path, data=body, content_type="multipart/form-data"),
        "text": http.post(path, data=json.dumps(body), content_type="text/plain"),
        "no type": http.post(path, data=b"client_id=web"),
        "twice": http.post(path, data=b"client_id=web&client_id=web", content_type=FORM),
        "unknown twice": http.post(path, data=b"client_id=web&pizza=1&pizza=2", content_type=FORM),
        "not UTF-8": http.post(path, data=b"client_id=%ff", content_type=FORM),
        "raw bytes": http.post(path, data=b"client_id=\xff", content_type=FORM),
        "NUL": http.post(path, data=b"client_id=%00", content_type=FORM),
        "65 fields": http.post(path, data="&".join(f"p{n}=1" for n in range(65)).encode(), content_type=FORM),
        "two ways": http.post(path, data=body, headers={"Authorization": "Basic " + base64.b64encode(b"web:x").decode()}),
        "secret and assertion": http.post(path, data={**body, "client_assertion": "a.b.c"}),
    }
    for name in ("client_secret", "client_assertion", "token", "code", "refresh_token", "access_token"):
        refused[f"{name} in the address"] = http.post(f"{path}?{name}=x", data=body)
    assert {name: (a.status_code, a.json["error"]) for name, a in refused.items()} == dict.fromkeys(refused, (400, "invalid_request"))
    for answer in refused.values():
        assert answer.headers["Cache-Control"] == "no-store"
        assert set(answer.json) == {"error", "error_description"}
        assert not set('"\\\r\n\t') & set(answer.json["error_description"])


@pytest.mark.rule("identity", "HT-3", "DP-5")
def test_methods_that_an_endpoint_does_not_have(house: House) -> None:
    for endpoint in discovery.ENDPOINTS:
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - set(endpoint.methods):
            answer = house.client().open(f"/openid{endpoint.path}", method=method)
            assert answer.status_code == 405, (endpoint.path, method)
            assert set(endpoint.methods) <= set(answer.headers["Allow"].replace(" ", "").split(","))


NAMES = ["wéb", "web\u202e", "ｗｅｂ", "web\n", "web ", "' OR 1=1 --", "%00", "../web", "🦤" * 500, "web;client_id=machine"]


@pytest.mark.rule("identity", "AZ-2", "TK-2", "CA-3")
@pytest.mark.parametrize("endpoint", TOKEN_LIKE, ids=lambda endpoint: endpoint.path)
def test_client_names_of_odd_letters_are_nobody(house: House, endpoint: discovery.Endpoint) -> None:
    http, path = house.client(), f"/openid{endpoint.path}"
    for name in NAMES:
        by_form = http.post(path, data={"client_id": name, "client_secret": SECRET, "token": "x", "grant_type": "x"})
        assert (by_form.status_code, by_form.json["error"]) == (401, "invalid_client"), name
        assertion = signed({"alg": "ES256", "kid": "machine-1"}, {"iss": name, "sub": name}, machine_key())
        form = house.machine_form(client_assertion=assertion, token="x")
        assert http.post(path, data=form).json["error"] == "invalid_client", name
    half = signed({"alg": "ES256", "kid": "machine-1"}, {"iss": "\ud800", "sub": "\ud800"}, machine_key())
    assert http.post(path, data=house.machine_form(client_assertion=half)).json["error"] == "invalid_client"


@pytest.mark.rule("identity", "HT-5", "HT-11")
def test_a_service_may_have_a_name_of_any_letters(house: House) -> None:
    from identity.operations import register

    name = "Ñuñoa <b>🦤</b> \u202e أهلا"
    about = {"stage": "live", "start_url": "https://client.example/", "contact_email": "a@example.com", "purpose": name, "actor": "test"}
    register.create_service(house.identity, service_id="odd", org_id="org-private", name=name, release_basis="consent", **about)
    enter(house, web_client(client_id="odd", service_id="odd", name=name), secret=SECRET)
    browser = house.browser()
    browser.authorize(client_id="odd")
    page = browser.log_in().get_data(as_text=True)
    assert "<b>🦤" not in page
    assert "Ñuñoa &lt;b&gt;🦤" in page


def wrongly_typed(house: House, client: Any, id_token: str, access_token: str) -> list[tuple[str, str]]:
    """JWTs of ours and of others, all in order, none of them a client assertion."""
    encrypted = jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A256GCM"}, client.assertion(), ECKey.import_key(public(client.key)))
    header, payload, signature = client.assertion().split(".")
    return [
        ("an ID token", id_token),
        ("an access token", access_token),
        ("a JWE around an assertion", encrypted),
        ("a JSON serialization", json.dumps({"payload": payload, "protected": header, "signature": signature})),
        ("four parts", client.assertion() + ".x"),
        ("two signatures", f"{header}.{payload}.{signature}{signature}"),
        ("no signature", f"{header}.{payload}."),
        ("padding", f"{header}=.{payload}.{signature}"),
        ("white space", f" {header}.{payload}.{signature}"),
        ("line ends", f"{header}.\n{payload}.{signature}"),
        ("a proof", signed({"alg": "ES256", "kid": client.key.kid, "typ": "dpop+jwt"}, {"sub": "fapi"}, client.key)),
        ("typ of an access token", signed({"alg": "ES256", "kid": client.key.kid, "typ": "at+jwt"}, {"sub": "fapi"}, client.key)),
        ("claims a list", signed({"alg": "ES256", "kid": client.key.kid}, ["fapi"], client.key)),
        ("kid a list", base64.urlsafe_b64encode(b'{"alg":"ES256","kid":["x"]}').decode().rstrip("=") + f".{payload}.{signature}"),
    ]


@pytest.mark.rule("identity", "KY-5", "CA-6", "ID-4")
def test_one_kind_of_jwt_is_not_taken_for_another(house: House) -> None:
    refreshing_web(house)
    tokens = begin(house, "web-refresh", resource="https://notify.example")
    client = fapi_client(house)
    for name, sent in wrongly_typed(house, client, tokens["id_token"], tokens["access_token"]):
        for endpoint in TOKEN_LIKE:
            form = client.authenticated(client_assertion=sent, grant_type="authorization_code", code="x", token="x")
            answer = house.client().post(f"/openid{endpoint.path}", data=form)
            assert (answer.status_code, answer.json["error"]) == (401, "invalid_client"), (endpoint.path, name)
    bearer = {"ID token": tokens["id_token"], "assertion": client.assertion(), "refresh token": tokens["refresh_token"]}
    for name, token in bearer.items():
        for path in ("/openid/userinfo", "/register/v1/clients"):
            assert house.client().get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 401, (path, name)


@pytest.mark.rule("identity", "HT-9", "DI-1")
def test_forwarded_headers_of_strangers_change_nothing(house: House) -> None:
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": "host=evil.example",
        "X-Client-Cert": "x",
        "Host": "evil.example",
    }
    document = house.client().get("/openid/.well-known/openid-configuration", headers=forged).json
    assert document["issuer"] == ISSUER
    assert "evil" not in json.dumps(document)
    client = fapi_client(house)
    assert client.push(headers={**forged, "DPoP": client.dpop("/openid/par")}).status_code == 201
    from tests.factories.identity_protocol import proof

    evil = proof(house, "http://evil.example/openid/par")
    assert client.push(headers={**forged, "DPoP": evil}).json["error"] == "invalid_dpop_proof"


@pytest.mark.rule("identity", "HT-8")
@pytest.mark.parametrize("endpoint", discovery.ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_an_address_with_two_slashes_is_not_there_and_nothing_is_sent_on(house: House, endpoint: discovery.Endpoint) -> None:
    for path in (f"/openid/{endpoint.path}", f"//openid{endpoint.path}", f"/openid{endpoint.path}//"):
        answer = house.client().open(path, method=endpoint.methods[0], headers={"Host": "evil.example"})
        assert (answer.status_code, answer.headers.get("Location")) == (404, None), path


@pytest.mark.rule("identity", "HT-8", "AZ-25")
def test_redirects_are_303_and_pages_stand_in_no_frame(house: House) -> None:
    browser = house.browser()
    page = browser.authorize()
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "https://client.example" in policy
    assert page.headers["Referrer-Policy"] == "same-origin", "no other site learns where the person came from"
    answer = browser.log_in()
    assert answer.status_code == 303
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    posted = browser.authorize(response_mode="form_post")
    assert posted.headers["Referrer-Policy"] == "no-referrer"
