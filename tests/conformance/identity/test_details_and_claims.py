"""`authorization_details`, the `claims` parameter, hints, the chooser, and signed user info (§2.4, §2.9, §2.17)."""

import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.conformance.identity.test_introspection import ask, resource_server
from tests.conformance.identity.test_refresh import begin, refresh
from tests.factories.identity import PUBLIC_URL, RESOURCE, RUN_TOTP, SECRET, House, sent_to_client, web_client
from tests.factories.identity_protocol import Strict, enter, fapi_client, proof, refreshing_web

PAYMENT = {"type": "urn:andamio:payment", "amount_minor": 3500, "currency": "CLP"}
ACT_FOR = {"type": "urn:andamio:act-for", "kind": "company", "powers": ["sign"]}
LEGAL = {
    "type": "urn:andamio:legal-access",
    "agreement_id": "a",
    "dataset_id": "d",
    "fields": ["f"],
    "procedure": {"code": "P-1", "case_id": "7"},
}
TYPES = ("urn:andamio:payment", "urn:andamio:legal-access", "urn:andamio:consent")

BAD_DETAILS: list[tuple[str, Any]] = [
    ("no JSON", "{"),
    ("an object", json.dumps(PAYMENT)),
    ("empty", "[]"),
    ("a text inside", '["x"]'),
    ("null inside", "[null]"),
    ("no type", '[{"amount_minor": 1}]'),
    ("type a number", '[{"type": 7}]'),
    ("type unknown", [{"type": "pizza"}]),
    ("type not granted", [ACT_FOR]),
    ("field unknown", [{**PAYMENT, "colour": "red"}]),
    ("field missing", [{"type": PAYMENT["type"], "currency": "CLP"}]),
    ("field of another kind", [{**PAYMENT, "amount_minor": "3500"}]),
    ("a float", [{**PAYMENT, "amount_minor": 0.5}]),
    ("true for a number", [{**PAYMENT, "amount_minor": True}]),
    ("a negative amount", [{**PAYMENT, "amount_minor": -1}]),
    ("a field inside unknown", [{**LEGAL, "procedure": {"code": "x", "more": 1}}]),
    ("eleven", [PAYMENT] * 11),
    ("deep", "[" * 2000),
    ("a NUL", [{**PAYMENT, "reference": "a\x00"}]),
    ("half a character", '[{"type":"urn:andamio:consent","identifier":"\\ud800"}]'),
    ("NaN", '[{"type":"urn:andamio:payment","amount_minor":NaN,"currency":"CLP"}]'),
    ("one good, one bad", [PAYMENT, {"type": "pizza"}]),
]


def as_text(details: Any) -> str:
    return details if isinstance(details, str) else json.dumps(details)


@pytest.mark.rule("identity", "§2.17", "§2.29")
def test_details_that_are_refused_at_each_place(house: House) -> None:
    client = fapi_client(house, authorization_details_types=TYPES)
    enter(house, web_client(client_id="web-details", authorization_details_types=TYPES), secret=SECRET)
    machine = house.machine_form
    for name, details in BAD_DETAILS:
        told = sent_to_client(house.browser().authorize(client_id="web-details", authorization_details=as_text(details)))
        assert told["error"] == "invalid_authorization_details", name
        pushed = client.push(authorization_details=as_text(details))
        assert (pushed.status_code, pushed.json["error"]) == (400, "invalid_authorization_details"), name
        at_token = house.token(machine(authorization_details=as_text(details)))
        assert (at_token.status_code, at_token.json["error"]) == (400, "invalid_authorization_details"), name


def consented(client: Strict, **changes: Any) -> str:
    """Push a request, sign in, agree on the page, and return the code."""
    browser = client.house.browser()
    request_uri = client.push(**changes).json["request_uri"]
    browser.open("/openid/authorize", query_string={"client_id": client.client_id, "request_uri": request_uri})
    page = browser.log_in()
    assert page.status_code == 200
    assert "3.500" in page.get_data(as_text=True), "shown in words"
    return sent_to_client(browser.send({"decision": "grant"}))["code"]


@pytest.mark.rule("identity", "TK-6", "IN-2", "RT-3", "§2.17")
def test_details_go_from_request_to_page_to_token_to_service(house: House) -> None:
    resource_server(house)
    client = fapi_client(house, authorization_details_types=TYPES)
    both = [PAYMENT, {"type": "urn:andamio:consent", "identifier": "c-1"}]
    tokens = client.redeem(consented(client, authorization_details=json.dumps(both), resource=RESOURCE)).json
    assert tokens["authorization_details"] == both
    assert ask(house, tokens["access_token"]).json["authorization_details"] == both
    less = client.refresh(tokens["refresh_token"], authorization_details=json.dumps([PAYMENT])).json
    assert less["authorization_details"] == [PAYMENT]
    claims = jwt.decode(less["access_token"], KeySet.import_key_set(house.client().get("/openid/jwks").json), algorithms=["ES256"]).claims
    assert claims["authorization_details"] == [PAYMENT]
    assert claims["cnf"] == {"jkt": client.dpop_key.thumbprint()}
    more = client.refresh(tokens["refresh_token"], authorization_details=json.dumps([{**PAYMENT, "amount_minor": 9999}]))
    assert more.json["error"] == "invalid_authorization_details"
    assert client.refresh(tokens["refresh_token"]).json["authorization_details"] == both


BAD_CLAIMS = ["{", "[]", "7", '"x"', '{"userinfo": []}', '{"userinfo": {"email": true}}', '{"id_token": {"acr": {"essential": "yes"}}}']
BAD_CLAIMS += ['{"userinfo": {"email": {"values": "x"}}}', "[" * 2000, '{"userinfo": {"x": {"value": "\\u0000"}}}']


@pytest.mark.rule("identity", "AZ-19")
def test_claims_parameters_that_are_refused(house: House) -> None:
    for claims in BAD_CLAIMS:
        assert sent_to_client(house.browser().authorize(claims=claims))["error"] == "invalid_request", claims[:60]


@pytest.mark.rule("identity", "AZ-19", "ID-5", "UI-4")
def test_single_claims_stand_where_they_were_asked_for(house: House) -> None:
    wish = {"userinfo": {"name": None, "pizza": {"essential": True}}, "id_token": {"email": {"essential": True}, "urn:andamio:roles": None}}
    form = house.code_form(house.new_code(scope="openid", claims=json.dumps(wish)))
    tokens = house.token(form).json
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    in_id_token = jwt.decode(tokens["id_token"], keys, algorithms=["ES256"]).claims
    in_userinfo = house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json
    assert in_id_token["email"] == "camila@example.com"
    assert not {"name", "urn:andamio:roles"} & set(in_id_token), "asked for elsewhere, or not granted to this client"
    assert in_userinfo == {"sub": in_id_token["sub"], "name": "Camila Andrea Soto Pérez"}


@pytest.mark.rule("identity", "AZ-19")
def test_single_claims_are_agreed_to_like_the_others(house: House) -> None:
    browser = house.browser()
    browser.authorize(client_id="private", scope="openid", claims='{"userinfo": {"email": null}}')
    assert "camila@example.com" in browser.log_in().get_data(as_text=True)
    for claim, shown in (("urn:andamio:run", "11.111.111-1"), ("RolUnico", "11.111.111-1"), ("family_name", "Soto Pérez")):
        page = browser.authorize(client_id="private", scope="openid", claims=json.dumps({"id_token": {claim: None}}))
        assert shown in page.get_data(as_text=True), claim


@pytest.mark.rule("identity", "AZ-16", "§2.29")
def test_levels_that_must_be_reached(house: House) -> None:
    two, three = "urn:andamio:acr:2", "urn:andamio:acr:9"
    must = json.dumps({"id_token": {"acr": {"essential": True, "values": [two]}}})
    unknown = json.dumps({"id_token": {"acr": {"essential": True, "value": three}}})
    may = json.dumps({"id_token": {"acr": {"values": [three]}}})
    assert house.browser().sign_in(claims=must)["error"] == "unmet_authentication_requirements"
    assert house.browser().sign_in(claims=unknown)["error"] == "unmet_authentication_requirements"
    assert "code" in house.browser().sign_in(claims=may)
    browser = house.browser()
    browser.authorize(claims=must)
    assert "code" in browser.log_in(RUN_TOTP).request.path, "who has a second factor is asked for it"


def id_token_of(house: House, browser: Any) -> str:
    return str(house.token(house.code_form(browser.sign_in()["code"])).json["id_token"])


@pytest.mark.rule("identity", "AZ-14", "AZ-10")
def test_a_hint_names_the_person_and_never_signs_in(house: House) -> None:
    browser, other = house.browser(), house.browser()
    hint = id_token_of(house, browser)
    assert "code" in sent_to_client(browser.authorize(id_token_hint=hint, prompt="none"))
    house.clock.advance(seconds=200 * 86_400)
    assert sent_to_client(other.authorize(id_token_hint=hint, prompt="none"))["error"] == "login_required", "nobody is signed in"
    again = id_token_of(house, other)
    assert "code" in sent_to_client(other.authorize(id_token_hint=hint, prompt="none")), "however old"
    for wrong in ("nonsense", again[:-4] + "AAAA", again.rsplit(".", 1)[0] + "."):
        assert sent_to_client(other.authorize(id_token_hint=wrong))["error"] == "invalid_request"
    foreign = house.browser()
    assert foreign.authorize().status_code == 200
    foreign.log_in(RUN_TOTP)
    import pyotp

    from identity.standards.rfc6238 import STEP_SECONDS
    from tests.factories.identity import TOTP_SECRET

    assert STEP_SECONDS == 30
    foreign.send({"code": pyotp.TOTP(TOTP_SECRET).at(house.clock.now())})
    assert sent_to_client(foreign.authorize(id_token_hint=hint, prompt="none"))["error"] == "login_required", "somebody else is"
    house.clock.advance(seconds=1)
    page = foreign.authorize(id_token_hint=hint)
    assert page.status_code == 200, "the right person is asked to sign in"
    assert "code" in sent_to_client(foreign.log_in())
    by_value = json.dumps({"id_token": {"sub": {"value": "x" * 43}}})
    assert sent_to_client(foreign.authorize(claims=by_value, prompt="none"))["error"] == "login_required"
    house.clock.advance(seconds=1)
    foreign.authorize(claims=by_value)
    assert sent_to_client(foreign.log_in())["error"] == "login_required", "signed in, but somebody else"


@pytest.mark.rule("identity", "AZ-12", "AZ-10")
def test_the_chooser(house: House) -> None:
    browser = house.browser()
    browser.sign_in()
    house.clock.advance(seconds=1)
    page = browser.authorize(prompt="select_account")
    assert "Camila" in page.get_data(as_text=True)
    assert "code" in sent_to_client(browser.send({"decision": "stay"}))
    browser.authorize(prompt="select_account")
    login = browser.send({"decision": "other"})
    assert login.status_code == 200
    assert "password" in login.get_data(as_text=True)
    assert "code" in sent_to_client(browser.log_in())
    assert sent_to_client(browser.authorize(prompt="none select_account"))["error"] == "invalid_request"


@pytest.mark.rule("identity", "UI-5", "ID-3")
@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_signed_user_info(house: House, alg: str) -> None:
    enter(house, web_client(client_id="web-signed", userinfo_alg=alg, id_token_alg=alg), secret=SECRET)
    token = house.token(house.code_form(house.new_code(client_id="web-signed"), client_id="web-signed")).json["access_token"]
    answer = house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.content_type == "application/jwt"
    assert answer.headers["Cache-Control"] == "no-store"
    claims = jwt.decode(answer.get_data(), KeySet.import_key_set(house.client().get("/openid/jwks").json), algorithms=[alg]).claims
    assert (claims["iss"], claims["aud"]) == (PUBLIC_URL + "/openid", "web-signed")
    assert claims["email"] == "camila@example.com"
    assert claims["email_verified"] is True


@pytest.mark.rule("identity", "UI-4")
def test_a_false_is_told_and_an_absence_is_not(house: House) -> None:
    import pyotp

    from tests.factories.identity import TOTP_SECRET

    browser = house.browser()
    browser.authorize()
    browser.log_in(RUN_TOTP)
    answer = browser.send({"code": pyotp.TOTP(TOTP_SECRET).at(house.clock.now())})
    token = house.token(house.code_form(sent_to_client(answer)["code"])).json["access_token"]
    told = house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).json
    assert not {"email", "email_verified", "phone_number"} & set(told)
    assert isinstance(told["updated_at"], int)


@pytest.mark.rule("identity", "TK-9")
def test_resource_indicators(house: House) -> None:
    refreshing_web(house)
    first = begin(house, "web-refresh", resource=RESOURCE)
    assert first["access_token"].count(".") == 2
    assert refresh(house, first["refresh_token"], "web-refresh", resource=RESOURCE).status_code == 200
    assert refresh(house, first["refresh_token"], "web-refresh", resource=PUBLIC_URL).json["error"] == "invalid_target"
    http = house.client()
    assert http.get("/openid/userinfo", headers={"Authorization": f"Bearer {first['access_token']}"}).status_code == 401, (
        "not addressed here"
    )
    sent = proof(house, PUBLIC_URL + "/openid/userinfo", method="GET", token=first["access_token"])
    assert http.get("/openid/userinfo", headers={"Authorization": f"DPoP {first['access_token']}", "DPoP": sent}).status_code == 401
