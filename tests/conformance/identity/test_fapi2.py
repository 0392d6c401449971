"""FAPI 2.0 Security Profile: pushed requests, keys, bound tokens, and each way to get it wrong (§2.12, §2.27)."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.factories.identity import CALLBACK, ISSUER, PUBLIC_URL, STATE, House, authorization, sent_to_client
from tests.factories.identity_protocol import Strict, fapi_client, proof

Changes = dict[str, Any]


@pytest.mark.rule("identity", "PA-1", "PA-2", "PA-5", "DP-7", "RT-5", "CA-5", "AZ-8", "HT-6")
def test_the_whole_flow(house: House) -> None:
    client = fapi_client(house)
    pushed = client.push(dpop_jkt=client.dpop_key.thumbprint())
    assert (pushed.status_code, pushed.headers["Cache-Control"]) == (201, "no-store")
    request_uri = pushed.json["request_uri"]
    assert request_uri.startswith("urn:ietf:params:oauth:request_uri:")
    assert len(request_uri.removeprefix("urn:ietf:params:oauth:request_uri:")) == 43
    assert pushed.json["expires_in"] == 60
    browser = house.browser()
    noise = {"state": "other", "scope": "openid email", "redirect_uri": "https://evil.example/", "response_type": "token"}
    browser.open("/openid/authorize", query_string={"client_id": "fapi", "request_uri": request_uri, **noise})
    sent = sent_to_client(browser.log_in())
    assert (sent["state"], sent["iss"]) == (STATE, ISSUER), "what stands beside the request_uri is ignored"
    tokens = client.redeem(sent["code"])
    assert tokens.status_code == 200, tokens.json
    assert tokens.json["token_type"] == "DPoP"
    assert "DPoP-Nonce" in tokens.headers
    for _ in range(2):
        again = client.refresh(tokens.json["refresh_token"])
        assert again.json["refresh_token"] == tokens.json["refresh_token"]
        house.clock.advance(seconds=30)
    url, token = PUBLIC_URL + "/openid/userinfo", again.json["access_token"]
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof(house, url, method="GET", token=token)}
    assert house.client().get("/openid/userinfo", headers=headers).json["sub"]


PUSHED_WRONG: list[tuple[str, Changes, int, str]] = [
    ("request_uri inside", {"request_uri": "urn:ietf:params:oauth:request_uri:x"}, 400, "invalid_request"),
    ("redirect unknown", {"redirect_uri": "https://evil.example/"}, 400, "invalid_request"),
    ("redirect missing", {"redirect_uri": None}, 400, "invalid_request"),
    ("PKCE missing", {"code_challenge": None, "code_challenge_method": None}, 400, "invalid_request"),
    ("PKCE plain", {"code_challenge_method": "plain"}, 400, "invalid_request"),
    ("response_type with tokens", {"response_type": "code id_token"}, 400, "unsupported_response_type"),
    ("response_type missing", {"response_type": None}, 400, "invalid_request"),
    ("scope not granted", {"scope": "openid roles"}, 400, "invalid_scope"),
    ("another client named", {"client_id": "web"}, 401, "invalid_client"),
    ("assertion for the token endpoint", {"aud": ISSUER + "/token"}, 401, "invalid_client"),
    ("assertion for this endpoint", {"aud": ISSUER + "/par"}, 401, "invalid_client"),
    ("assertion for a list", {"aud": [ISSUER]}, 401, "invalid_client"),
    ("assertion without sub", {"sub": None}, 401, "invalid_client"),
    ("assertion expired", {"exp": 0}, 401, "invalid_client"),
    ("no assertion", {"client_assertion": None}, 400, "invalid_request"),
    ("a secret instead", {"client_assertion": None, "client_assertion_type": None, "client_secret": "x" * 40}, 401, "invalid_client"),
    ("request object not registered", {"request": "a.b.c"}, 400, "request_not_supported"),
    ("claims malformed", {"claims": "{"}, 400, "invalid_request"),
    ("details malformed", {"authorization_details": "{"}, 400, "invalid_authorization_details"),
    ("dpop_jkt malformed", {"dpop_jkt": "short"}, 400, "invalid_request"),
    ("resource unknown", {"resource": "https://elsewhere.example"}, 400, "invalid_target"),
    ("prompt unknown", {"prompt": "shout"}, 400, "invalid_request"),
]


@pytest.mark.rule("identity", "PA-1", "PA-3", "PA-10", "CA-2", "CA-4", "CA-5", "PK-2", "PK-3", "AZ-5")
def test_what_is_wrong_with_a_pushed_request_is_told_at_once(house: House) -> None:
    client = fapi_client(house)
    for name, changes, status, error in PUSHED_WRONG:
        claims = {key: changes.pop(key) for key in ("aud", "sub", "exp") if key in (changes := dict(changes))}
        form = client.authenticated(
            **{"client_assertion": client.assertion(**claims), **authorization(client_id="fapi", scope="openid"), **changes}
        )
        answer = house.client().post("/openid/par", data={key: value for key, value in form.items() if value is not None})
        assert (answer.status_code, answer.json["error"]) == (status, error), name
        assert "Location" not in answer.headers


@pytest.mark.rule("identity", "PA-4", "HT-1", "HT-3", "HT-10")
def test_how_a_request_is_pushed(house: House) -> None:
    client, http = fapi_client(house), house.client()
    for method in ("get", "put", "delete"):
        assert getattr(http, method)("/openid/par").status_code == 405
    assert http.post("/openid/par", json=client.authenticated()).json["error"] == "invalid_request"
    twice = [*authorization(client_id="fapi").items(), ("state", "other"), *client.authenticated().items()]
    from werkzeug.datastructures import MultiDict

    assert http.post("/openid/par", data=MultiDict(twice)).json["error"] == "invalid_request"
    assert client.push(pizza="y" * 100_000).status_code == 201, "256 KiB are taken here"
    assert client.push(pizza="y" * 300_000).status_code == 413


@pytest.mark.rule("identity", "PA-6", "PA-7", "PA-8")
def test_where_a_request_uri_is_good(house: House) -> None:
    client = fapi_client(house)
    fapi_client(house, "fapi-two", number=22, sector="two.example")
    request_uri = client.push().json["request_uri"]
    other = house.browser().open("/openid/authorize", query_string={"client_id": "fapi-two", "request_uri": request_uri})
    assert (other.status_code, other.mimetype) == (400, "text/html"), "shown, not redirected"
    direct = sent_to_client(house.browser().authorize(client_id="fapi"))
    assert direct["error"] == "invalid_request"
    browser = house.browser()
    mine = {"client_id": "fapi", "request_uri": request_uri}
    assert browser.open("/openid/authorize", query_string=mine).status_code == 200
    house.clock.advance(seconds=50)
    assert browser.open("/openid/authorize", query_string=mine).status_code == 200, "reloading before the end"
    house.clock.advance(seconds=20)
    assert "code" in sent_to_client(browser.log_in()), "who arrived in time may take longer"
    assert browser.open("/openid/authorize", query_string=mine).status_code == 400, "used to the end"
    late = client.push().json["request_uri"]
    house.clock.advance(seconds=60)
    assert house.browser().open("/openid/authorize", query_string={"client_id": "fapi", "request_uri": late}).status_code == 400
    for nonsense in ("urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:" + "x" * 43):
        assert house.browser().open("/openid/authorize", query_string={"client_id": "fapi", "request_uri": nonsense}).status_code == 400


@pytest.mark.rule("identity", "PA-7")
def test_one_request_uri_finished_twice_gives_one_code(house: House) -> None:
    client = fapi_client(house)
    mine = {"client_id": "fapi", "request_uri": client.push().json["request_uri"]}
    first, second = house.browser(), house.browser()
    for browser in (first, second):
        browser.open("/openid/authorize", query_string=mine)
    assert "code" in sent_to_client(first.log_in())
    assert sent_to_client(second.log_in())["error"] == "invalid_request_uri"


@pytest.mark.rule("identity", "PA-5", "AZ-1")
def test_a_posted_visit_with_a_request_uri_works_too(house: House) -> None:
    client = fapi_client(house)
    browser = house.browser()
    mine = {"client_id": "fapi", "request_uri": client.push().json["request_uri"]}
    browser._follow(browser.http.post("/openid/authorize", data=mine, base_url=PUBLIC_URL))
    assert "code" in sent_to_client(browser.log_in())


@pytest.mark.rule("identity", "PA-9", "DP-8")
def test_a_key_announced_when_pushing_binds_the_code(house: House) -> None:
    client = fapi_client(house)
    by_header = client.code(headers={"DPoP": client.dpop("/openid/par")})
    from tests.factories.identity_protocol import ec_key

    wrong = client.redeem(by_header, headers={"DPoP": client.dpop("/openid/token", key=ec_key(78))})
    assert wrong.json["error"] == "invalid_grant"
    clash = client.push(headers={"DPoP": client.dpop("/openid/par")}, dpop_jkt=ec_key(78).thumbprint())
    assert (clash.status_code, clash.json["error"]) == (400, "invalid_dpop_proof")
    agreed = client.push(headers={"DPoP": client.dpop("/openid/par")}, dpop_jkt=client.dpop_key.thumbprint())
    assert agreed.status_code == 201
    unproven = client.redeem(client.code(dpop_jkt=client.dpop_key.thumbprint()), headers={})
    assert (unproven.status_code, unproven.json["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.rule("identity", "CA-5", "TK-3")
def test_what_belongs_to_one_client_is_no_use_to_another(house: House) -> None:
    client, thief = fapi_client(house), fapi_client(house, "thief", number=22, sector="thief.example")
    code = client.code()
    assert thief.redeem(code).json["error"] == "invalid_grant"
    tokens = client.redeem(code).json
    assert thief.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    house.clock.advance(seconds=61)
    assert client.redeem(client_late(house, client)).json["error"] == "invalid_grant"


def client_late(house: House, client: Strict) -> str:
    """A code that is sixty seconds old when it is first used."""
    code = client.code()
    house.clock.advance(seconds=60)
    return code


@pytest.mark.rule("identity", "AZ-24", "PA-7")
def test_back_after_the_end_leads_to_the_service(house: House) -> None:
    client = fapi_client(house)
    browser = house.browser()
    page = browser.open("/openid/authorize", query_string={"client_id": "fapi", "request_uri": client.push().json["request_uri"]})
    address = page.request.path
    browser.log_in()
    assert browser.open(address).headers["Location"] == "https://client.example/"


def test_no_request_uri_stands_in_the_database(house: House) -> None:
    request_uri = fapi_client(house).push().json["request_uri"]
    with house.identity.db.engine.connect() as connection:
        dump = "".join(connection.execute(text("SELECT t::text FROM pushed_requests t")).scalars())
    assert request_uri.rpartition(":")[2] not in dump
    assert CALLBACK in dump
