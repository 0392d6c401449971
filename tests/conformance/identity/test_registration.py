"""Clients register themselves and look after it: RFC 7591, RFC 7592, OpenID Connect Registration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from identity.operations import registration
from shared.clock import FixedClock
from shared.http import OutboundFailed, Reply
from shared.ids import SeededIds
from tests.engines import Engines
from tests.factories.identity import House, furnished_copy, machine_key, open_house, sent_to_client

BACK = "https://one.example/cb"
PUBLIC_JWK = dict(machine_key().as_dict(private=False))
ENCRYPTION_JWK = {**PUBLIC_JWK, "use": "enc"}


@pytest.fixture
def sandbox(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    """An identity in which anybody may register."""
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True, environment="sandbox") as furnished:
        yield furnished


def send(house: House, token: str | None = None, **members: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return house.client().post("/openid/register", json={"redirect_uris": [BACK], **members}, headers=headers)


def manage(house: House, method: str, made: dict[str, Any], token: str, **members: Any) -> TestResponse:
    path = made["registration_client_uri"].removeprefix("https://identity.example")
    body = {"json": members} if members else {}
    return house.client().open(path, method=method, headers={"Authorization": f"Bearer {token}"}, **body)  # type: ignore[arg-type]


@pytest.mark.rule("identity", "RG-1")
def test_in_production_an_initial_token_of_a_service_is_needed(house: House) -> None:
    assert send(house).status_code == 401
    assert send(house, "made-up").status_code == 401
    machine = house.token(house.machine_form(scope="identity:register", resource="https://identity.example")).json["access_token"]
    answer = house.client().post("/register/v1/services/service-one/initial-tokens", headers={"Authorization": f"Bearer {machine}"})
    made = send(house, answer.json["initial_access_token"], client_name="One")
    assert made.status_code == 201
    client = house.identity.clients.find(made.json["client_id"])
    assert client is not None
    assert client.service_name == "Servicio Uno"
    house.clock.advance(seconds=8 * 86_400)
    assert send(house, answer.json["initial_access_token"]).status_code == 401


@pytest.mark.rule("identity", "RG-2", "RG-7", "RG-10", "HT-4")
def test_everything_comes_back_with_defaults_filled_in(sandbox: House) -> None:
    names = {"client_name": "Uno ñ", "client_name#en": "One", "initiate_login_uri": "https://one.example/start"}
    made = send(sandbox, **names, unheard_of={"a": 1}, software_statement="a.b.c")
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    body = made.json
    defaults = {"grant_types": ["authorization_code"], "response_types": ["code"], "token_endpoint_auth_method": "client_secret_basic"}
    defaults |= {"id_token_signed_response_alg": "RS256", "subject_type": "pairwise", "application_type": "web", **names}
    assert {name: body[name] for name in defaults} == defaults
    assert body["client_secret_expires_at"] == 0
    assert len(body["client_secret"]) >= 43
    assert "unheard_of" not in body
    assert body["client_id_issued_at"] == int(sandbox.clock.now().timestamp())


@pytest.mark.rule("identity", "RG-1", "RG-2")
def test_a_registered_client_works_at_once(sandbox: House) -> None:
    made = send(sandbox, scope="openid profile").json
    browser = sandbox.browser()
    browser.authorize(client_id=made["client_id"], redirect_uri=BACK, scope="openid profile")
    browser.log_in()
    code = sent_to_client(browser.send({"decision": "grant"}))["code"]
    form = sandbox.code_form(code, client_id=made["client_id"], client_secret=made["client_secret"], redirect_uri=BACK)
    assert sandbox.token(form).json["id_token"]


REDIRECTS = [
    "https://one.example/cb#x",
    "http://one.example/cb",
    "https://203.0.113.9/cb",
    "https://*.example/cb",
    "https://u@one.example/",
    "/cb",
]


@pytest.mark.rule("identity", "RG-3")
def test_redirect_addresses_that_are_refused(sandbox: House) -> None:
    for uri in REDIRECTS:
        answer = send(sandbox, redirect_uris=[uri])
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_redirect_uri"), uri


WITH_KEY = {"token_endpoint_auth_method": "private_key_jwt"}
METADATA = [
    {"jwks": {"keys": [PUBLIC_JWK]}, "jwks_uri": "https://one.example/jwks", **WITH_KEY},
    {"jwks": {"keys": [dict(machine_key().as_dict(private=True))]}, **WITH_KEY},
    {"jwks": {"keys": [{"kty": "oct", "k": "AAAA", "kid": "1"}]}, **WITH_KEY},
    WITH_KEY,
    {"grant_types": ["implicit"], "response_types": ["token"]},
    {"grant_types": ["client_credentials"], "response_types": ["code"], "redirect_uris": []},
    {"response_types": ["code", "id_token"]},
    {"subject_type": "public"},
    {"id_token_signed_response_alg": "none"},
    {"token_endpoint_auth_method": "client_secret_jwt"},
    {"token_endpoint_auth_signing_alg": "HS256"},
    {"redirect_uris": [BACK, "https://two.example/cb"]},
    {"logo_uri": "http://one.example/logo.png"},
    {"initiate_login_uri": "javascript:alert(1)"},
    {"contacts": ["no address"]},
    {"default_max_age": "soon"},
    {"client_name": ["a"]},
    {"scope": 'open"id'},
    {"id_token_encrypted_response_alg": "RSA1_5"},
    {"id_token_encrypted_response_alg": "ECDH-ES"},
    {"id_token_encrypted_response_enc": "A256GCM"},
    {"id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A128CBC-HS256", "jwks": {"keys": [ENCRYPTION_JWK]}},
    {"policy_uri": "http://one.example/"},
    {"tos_uri": "javascript:alert(1)"},
]


@pytest.mark.rule("identity", "RG-3", "RG-4", "RG-5", "RG-7")
def test_descriptions_that_are_refused(sandbox: House) -> None:
    for members in METADATA:
        answer = send(sandbox, **members)
        assert (answer.status_code, answer.json["error"]) in {(400, "invalid_client_metadata"), (400, "invalid_request")}, members


@pytest.mark.rule("identity", "RG-2")
@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"{", b"[" * 5000, b'{"redirect_uris": 5}'])
def test_bodies_that_are_no_registration(sandbox: House, body: bytes) -> None:
    answer = sandbox.client().post("/openid/register", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"] in {"invalid_client_metadata", "invalid_request"}


@pytest.mark.rule("identity", "RG-4", "§2.23", "CA-8")
def test_a_sector_identifier_must_list_every_redirect_address(sandbox: House, monkeypatch: pytest.MonkeyPatch) -> None:
    two = ["https://one.example/cb", "https://two.example/cb"]
    answers: list[Reply | Exception] = []
    calls: list[dict[str, Any]] = []

    def request(_method: str, _url: str, **call: Any) -> Reply:
        calls.append(call)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(sandbox.identity.http, "request", request)
    bad = [Reply(200, {}, b'["https://one.example/cb"]'), Reply(404, {}, b"[]"), Reply(200, {}, b"{}"), Reply(302, {}, b"")]
    for answer in (*bad, OutboundFailed("private", sent=False)):
        answers.append(answer)
        refused = send(sandbox, redirect_uris=two, sector_identifier_uri="https://sector.example/list.json")
        assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata")
    answers.append(Reply(200, {}, b'["https://one.example/cb", "https://two.example/cb"]'))
    made = send(sandbox, redirect_uris=two, sector_identifier_uri="https://sector.example/list.json")
    client = sandbox.identity.clients.find(made.json["client_id"])
    assert client is not None
    assert client.sector == "sector.example"
    assert all((call["timeout_seconds"], call["max_bytes"]) == (3, 256 * 1024) for call in calls)


@pytest.mark.rule("identity", "RG-8", "RG-9")
def test_a_registration_is_read_replaced_and_deleted_by_its_token_alone(sandbox: House) -> None:
    made, other = send(sandbox, client_name="One", default_max_age=60).json, send(sandbox).json
    first = made["registration_access_token"]
    assert manage(sandbox, "GET", made, first).json["client_name"] == "One"
    assert "client_secret" not in manage(sandbox, "GET", made, first).json
    assert manage(sandbox, "GET", made, other["registration_access_token"]).status_code == 401
    assert manage(sandbox, "PUT", made, first, client_id="other", redirect_uris=[BACK]).json["error"] == "invalid_request"
    replaced = manage(sandbox, "PUT", made, first, client_id=made["client_id"], redirect_uris=[BACK + "/2"], client_name="Two")
    assert replaced.status_code == 200
    assert replaced.json["client_name"] == "Two"
    assert "default_max_age" not in replaced.json, "what is missing falls back"
    second = replaced.json["registration_access_token"]
    assert manage(sandbox, "GET", made, first).status_code == 401, "the token changed"
    client = sandbox.identity.clients.find(made["client_id"])
    assert client is not None
    assert (client.redirect_uris, client.default_max_age, client.sector) == ((BACK + "/2",), None, "one.example")
    assert manage(sandbox, "PUT", made, second, client_id=made["client_id"], redirect_uris=["http://x/"]).status_code == 400
    assert manage(sandbox, "DELETE", made, second).status_code == 204
    assert manage(sandbox, "GET", made, second).status_code == 401
    assert sandbox.identity.clients.find(made["client_id"]) is None


@pytest.mark.rule("identity", "RG-8")
def test_deleting_a_client_ends_what_people_gave_it(sandbox: House) -> None:
    made = send(sandbox).json
    browser = sandbox.browser()
    browser.authorize(client_id=made["client_id"], redirect_uri=BACK, scope="openid")
    code = sent_to_client(browser.log_in())["code"]
    form = sandbox.code_form(code, client_id=made["client_id"], client_secret=made["client_secret"], redirect_uri=BACK)
    about = {"Authorization": f"Bearer {sandbox.token(form).json['access_token']}"}
    assert sandbox.client().get("/openid/userinfo", headers=about).status_code == 200
    manage(sandbox, "DELETE", made, made["registration_access_token"])
    assert sandbox.client().get("/openid/userinfo", headers=about).status_code == 401
    assert sandbox.token(sandbox.machine_form()).status_code == 200, "others go on"


@pytest.mark.rule("identity", "RG-1")
def test_open_registration_is_for_ten_an_hour_and_thirty_days(sandbox: House) -> None:
    made = [send(sandbox) for _ in range(11)]
    assert [answer.status_code for answer in made] == [201] * 10 + [429]
    assert made[10].headers["Retry-After"]
    sandbox.clock.advance(seconds=3601)
    assert send(sandbox).status_code == 201
    assert registration.end_expired(sandbox.identity) == 0
    sandbox.clock.advance(seconds=30 * 86_400)
    assert registration.end_expired(sandbox.identity) == 11
    assert sandbox.identity.clients.find(made[0].json["client_id"]) is None


@pytest.mark.rule("identity", "§2.0", "RG-5")
@pytest.mark.parametrize(
    ("members", "policy"),
    [
        ({"token_endpoint_auth_method": "none"}, "public"),
        ({"token_endpoint_auth_method": "none", "application_type": "native", "redirect_uris": ["cl.example.app:/cb"]}, "public"),
        (
            {
                "grant_types": ["client_credentials"],
                "redirect_uris": [],
                "jwks": {"keys": [PUBLIC_JWK]},
                **WITH_KEY,
                "id_token_signed_response_alg": "ES256",
            },
            "machine",
        ),
        ({"jwks": {"keys": [PUBLIC_JWK]}, **WITH_KEY}, "web"),
        (
            {
                "jwks": {"keys": [PUBLIC_JWK]},
                **WITH_KEY,
                "dpop_bound_access_tokens": True,
                "require_pushed_authorization_requests": True,
                "id_token_signed_response_alg": "ES256",
            },
            "fapi2",
        ),
    ],
)
def test_what_a_client_says_makes_its_policy(sandbox: House, members: dict[str, Any], policy: str) -> None:
    made = send(sandbox, **members)
    assert made.status_code == 201, made.json
    client = sandbox.identity.clients.find(made.json["client_id"])
    assert client is not None
    assert client.policy_name == policy
    assert ("client_secret" in made.json) == (policy == "web" and "jwks" not in members)


@pytest.mark.rule("identity", "RG-9")
def test_tokens_are_kept_as_hashes_only(sandbox: House) -> None:
    made = send(sandbox).json
    from sqlalchemy import text

    with sandbox.identity.db.engine.connect() as connection:
        dump = str(connection.execute(text("SELECT * FROM registrations")).all())
    assert made["registration_access_token"] not in dump
    assert made["client_secret"] not in dump


@pytest.mark.rule("identity", "ID-6", "RG-2")
def test_a_client_registers_that_its_id_tokens_are_encrypted(sandbox: House) -> None:
    made = send(sandbox, id_token_encrypted_response_alg="ECDH-ES", jwks={"keys": [ENCRYPTION_JWK]})
    assert made.status_code == 201, made.json
    assert made.json["id_token_encrypted_response_enc"] == "A256GCM", "the default is filled in"
    client = sandbox.identity.clients.find(made.json["client_id"])
    assert client is not None
    assert (client.id_token_encryption_alg, list(client.encryption_keys)) == ("ECDH-ES", ["machine-1"])


@pytest.mark.rule("identity", "AZ-26", "RG-1")
def test_where_real_people_are_nobody_registers_a_way_to_bounce_them(house: House) -> None:
    """A deliberate error redirects: so each redirect address was approved, or people stay on a page of ours."""
    bounced = {"redirect_uri": "https://evil.example/cb", "scope": "no-such-scope"}
    assert send(house, redirect_uris=[bounced["redirect_uri"]]).status_code == 401, "nobody registers it"
    for client_id in ("web", "unknown", ""):
        answer = house.browser().authorize(client_id=client_id, **bounced)
        assert answer.status_code == 400
        assert "Location" not in answer.headers
    own = house.browser().authorize(scope="no-such-scope")
    assert sent_to_client(own)["error"] == "invalid_scope"
    assert own.headers["Location"].startswith("https://client.example/callback?"), "approved in the console"


@pytest.mark.rule("identity", "AZ-26", "RG-1")
def test_in_the_sandbox_anybody_may(sandbox: House) -> None:
    made = send(sandbox, redirect_uris=["https://anybody.example/cb"])
    assert made.status_code == 201
    answer = sandbox.browser().authorize(client_id=made.json["client_id"], redirect_uri="https://anybody.example/cb", scope="no-such-scope")
    assert answer.headers["Location"].startswith("https://anybody.example/cb?")
