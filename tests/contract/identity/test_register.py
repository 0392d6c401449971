"""The service register over HTTP: who may, what is refused, and that what it makes works."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.factories.identity import PUBLIC_URL, RESOURCE, House

ORGANISATION = {"org_id": "org-new", "name": "Municipalidad de Quilpalín", "kind": "public", "contact_email": "a@example.com"}
SERVICE = {
    "service_id": "service-new",
    "org_id": "org-new",
    "name": "Permisos",
    "purpose": "Dar permisos de circulación.",
    "release_basis": "law",
    "start_url": "https://permisos.example/",
    "contact_email": "a@example.com",
}
CLIENT = {"client_id": "permisos", "service_id": "service-new", "name": "Permisos", "redirect_uris": ["https://permisos.example/cb"]}
ROUTES = ("organisations", "services", "clients", "members")


def bearer(house: House, **changes: str) -> dict[str, str]:
    form = house.machine_form(**{"scope": "identity:register", "resource": PUBLIC_URL, **changes})
    return {"Authorization": f"Bearer {house.token(form).json['access_token']}"}


def post(house: House, noun: str, body: Any, headers: dict[str, str] | None = None) -> TestResponse:
    return house.client().post(f"/register/v1/{noun}", json=body, headers=headers or bearer(house))


@pytest.mark.rule("identity", "CA-9", "HT-4")
def test_a_team_registers_itself_and_its_client_works_at_once(house: House) -> None:
    assert post(house, "organisations", ORGANISATION).status_code == 201
    assert post(house, "services", SERVICE).status_code == 201
    made = post(house, "clients", CLIENT)
    assert made.status_code == 201, made.json
    assert made.headers["Cache-Control"] == "no-store"
    secret = made.json["client_secret"]
    assert len(secret) == 43
    shown = house.client().get("/register/v1/clients/permisos", headers=bearer(house)).json
    assert "client_secret" not in shown
    assert (shown["policy"], shown["id_token_alg"]) == ("web", "ES256")
    second = post(house, "clients/permisos/secrets", {}).json["client_secret"]
    assert post(house, "clients/permisos/secrets", {}).status_code == 400, "two live at once"
    for working in (secret, second):
        form = house.code_form("x", client_id="permisos", client_secret=working)
        assert house.token(form).json["error"] == "invalid_grant"
    assert {entry["object"]: entry["actor"] for entry in house.audited("identity:client:created")}["permisos"] == "client:machine"
    assert "permisos" in [
        client["client_id"] for client in house.client().get("/register/v1/clients", headers=bearer(house)).json["clients"]
    ]


@pytest.mark.parametrize("noun", ROUTES)
def test_the_register_needs_its_scope_and_audience(house: House, noun: str) -> None:
    http = house.client()
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        (bearer(house, resource=RESOURCE), 401),
        (bearer(house, scope="notify:send"), 403),
    ):
        assert http.get(f"/register/v1/{noun}", headers=headers).status_code == status
        assert http.post(f"/register/v1/{noun}", json={}, headers=headers).status_code == status
    assert http.get(f"/register/v1/{noun}", headers=bearer(house)).status_code == 200


BAD_CLIENTS = [
    ("no redirect", {"redirect_uris": []}),
    ("wildcard", {"redirect_uris": ["https://*.example/cb"]}),
    ("fragment", {"redirect_uris": ["https://permisos.example/cb#x"]}),
    ("http", {"redirect_uris": ["http://permisos.example/cb"]}),
    ("loopback in production", {"redirect_uris": ["http://127.0.0.1/cb"]}),
    ("two hosts, no sector", {"redirect_uris": ["https://a.example/cb", "https://b.example/cb"]}),
    ("policy unknown", {"policy": "fapi3"}),
    ("legacy without end", {"policy": "legacy"}),
    ("legacy for ever", {"policy": "legacy", "legacy_until": "2099-01-01T00:00:00Z"}),
    ("profile for legacy only", {"claims_profile": "clave_unica"}),
    ("machine with a redirect", {"policy": "machine", "jwks": {"keys": []}}),
    ("machine without keys", {"policy": "machine", "redirect_uris": []}),
    ("secret for a public client", {"policy": "public", "auth_method": "client_secret_post"}),
    ("native web client", {"native": True}),
    ("symmetric key", {"auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "AAAA", "kid": "x"}]}}),
    ("nonsense key", {"auth_method": "private_key_jwt", "jwks": {"keys": [{"kid": "x"}]}}),
    ("key is a number", {"auth_method": "private_key_jwt", "jwks": {"keys": [7]}}),
    ("scope with a blank", {"scopes": ["a b"]}),
    ("unknown field", {"secret": "x" * 40}),
    ("id with blanks", {"client_id": "two words"}),
    ("id of other letters", {"client_id": "ñandú"}),
    ("name missing", {"name": None}),
    ("redirects a text", {"redirect_uris": "https://permisos.example/cb"}),
    ("signing with none", {"id_token_alg": "none"}),
    ("level unknown", {"default_acr_values": ["x"]}),
    ("max_age negative", {"default_max_age": -1}),
]


@pytest.mark.rule("identity", "AZ-4", "CU-35", "RG-5", "ID-4")
def test_clients_that_break_a_rule_of_their_policy_are_refused(house: House) -> None:
    headers = bearer(house)
    for name, changes in BAD_CLIENTS:
        body = {**CLIENT, "service_id": "service-one", **changes}
        answer = post(house, "clients", body, headers)
        assert answer.status_code == 400, name
        assert answer.mimetype == "application/problem+json", name


def test_bodies_that_cannot_be_read_and_names_that_are_taken(house: House) -> None:
    headers, http = bearer(house), house.client()
    assert http.post("/register/v1/organisations", data="{", content_type="application/json", headers=headers).status_code == 400
    assert http.post("/register/v1/organisations", data=ORGANISATION, headers=headers).status_code == 415
    assert post(house, "organisations", [1], headers).status_code == 400
    assert post(house, "organisations", {**ORGANISATION, "org_id": "org-one"}, headers).status_code == 409
    assert post(house, "services", SERVICE, headers).status_code == 404
    assert post(house, "members", {"org_id": "org-one", "run": "12345678-4", "role": "owner"}, headers).status_code == 400
    assert post(house, "members", {"org_id": "org-one", "run": "76354771-K", "role": "owner"}, headers).status_code == 404
    assert http.get("/register/v1/clients/nobody", headers=headers).status_code == 404
    assert http.get("/register/v1/clients?after=%00", headers=headers).status_code == 400


def test_roles_reach_who_may_ask_for_them(house: House) -> None:
    from identity.operations import register
    from tests.factories.identity import SECRET, web_client

    assert post(house, "members", {"org_id": "org-one", "run": "11.111.111-1", "role": "developer"}).status_code == 201
    portal = web_client(client_id="portal", sector="portal", scopes=("openid", "roles"))
    register.create_client(house.identity, portal, actor="test", secret=SECRET)
    code = house.new_code(client_id="portal", scope="openid roles")
    token = house.token(house.code_form(code, client_id="portal")).json["access_token"]
    about = house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).json
    assert about["urn:andamio:roles"] == ["org-one:developer"]
