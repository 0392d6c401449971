"""Introspection and revocation (RV-1, RV-2, IN-1…IN-4)."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from tests.conformance.identity.test_refresh import about, begin, refresh
from tests.factories.identity import RESOURCE, SECRET, House, machine_client, web_client
from tests.factories.identity_protocol import enter, fapi_client, refreshing_web

NOTIFY = {"client_id": "web-notify", "client_secret": SECRET}
INACTIVE = {"active": False}


def resource_server(house: House, **changes: Any) -> None:
    """Register the service that tokens for RESOURCE are addressed to, in a sector of its own."""
    enter(house, web_client(**{"client_id": "web-notify", "sector": "notify.example", "audiences": (RESOURCE,), **changes}), secret=SECRET)


def ask(house: House, token: str, caller: dict[str, str] | None = None, **headers: str) -> TestResponse:
    return house.client().post("/openid/introspect", data={"token": token, **(caller or NOTIFY)}, headers=headers)


def revoke(house: House, token: str, client_id: str = "web-refresh", **form: str) -> TestResponse:
    return house.client().post("/openid/revoke", data={"token": token, "client_id": client_id, "client_secret": SECRET, **form})


@pytest.mark.rule("identity", "IN-1", "IN-2", "IN-4")
def test_a_service_sees_the_tokens_that_are_addressed_to_it_and_no_others(house: House) -> None:
    resource_server(house)
    refreshing_web(house)
    mine = begin(house, "web-refresh", resource=RESOURCE, scope="openid email")
    other = begin(house, "web-refresh")
    seen = ask(house, mine["access_token"])
    assert seen.headers["Cache-Control"] == "no-store"
    claims = jwt.decode(mine["access_token"], KeySet.import_key_set(house.client().get("/openid/jwks").json), algorithms=["ES256"]).claims
    shown = {name: seen.json[name] for name in ("iss", "aud", "client_id", "scope", "exp", "iat", "jti", "acr", "auth_time")}
    assert shown == {name: claims[name] for name in shown}
    assert seen.json["active"] is True
    assert seen.json["token_type"] == "Bearer"
    assert seen.json["sub"] != claims["sub"], "the caller's own sector"
    for unseen in (
        other["access_token"],
        other["refresh_token"],
        mine["refresh_token"],
        mine["id_token"],
        "nonsense",
        "a.b.c",
        "x" * 20_000,
    ):
        assert ask(house, unseen).json == INACTIVE
    owner = {"client_id": "web-refresh", "client_secret": SECRET}
    assert ask(house, other["access_token"], owner).json["active"] is True, "who got it may ask"
    assert ask(house, other["refresh_token"], owner, token_type_hint="access_token").json["token_type"] == "refresh_token"
    assert ask(house, mine["access_token"], {"client_id": "web-two", "client_secret": SECRET}).json == INACTIVE
    house.clock.advance(seconds=300)
    assert ask(house, mine["access_token"]).json == INACTIVE


@pytest.mark.rule("identity", "IN-1", "TK-2")
def test_who_may_ask(house: House) -> None:
    resource_server(house)
    refused = {
        "nobody": ask(house, "x", {"client_id": "nobody"}),
        "a public client": ask(house, "x", {"client_id": "app"}),
        "a wrong secret": ask(house, "x", {"client_id": "web", "client_secret": "wrong"}),
    }
    assert {name: (a.status_code, a.json["error"]) for name, a in refused.items()} == dict.fromkeys(refused, (401, "invalid_client"))
    assert ask(house, "").json["error"] == "invalid_request"
    assert house.client().get("/openid/introspect").status_code == 405
    assert house.client().post("/openid/introspect?token=x", data=NOTIFY).json["error"] == "invalid_request"


@pytest.mark.rule("identity", "IN-3")
@pytest.mark.parametrize(("registered", "alg"), [(None, "RS256"), ("ES256", "ES256")])
def test_the_signed_answer(house: House, registered: str | None, alg: str) -> None:
    resource_server(house, introspection_alg=registered)
    token = house.token(house.machine_form(scope="notify:send")).json["access_token"]
    answer = ask(house, token, Accept="application/token-introspection+jwt")
    assert answer.content_type == "application/token-introspection+jwt"
    signed = jwt.decode(answer.get_data(), KeySet.import_key_set(house.client().get("/openid/jwks").json), algorithms=[alg])
    assert signed.header["typ"] == "token-introspection+jwt"
    assert signed.claims["aud"] == "web-notify"
    assert signed.claims["token_introspection"]["client_id"] == "machine"
    assert signed.claims["token_introspection"]["active"] is True


@pytest.mark.rule("identity", "RV-1", "RV-2", "IN-4")
def test_what_a_revocation_ends(house: House) -> None:
    refreshing_web(house)
    owner = {"client_id": "web-refresh", "client_secret": SECRET}
    first = begin(house, "web-refresh")
    assert revoke(house, first["access_token"], token_type_hint="refresh_token").status_code == 200
    assert about(house, first["access_token"]) == 401
    second = refresh(house, first["refresh_token"], "web-refresh").json
    assert about(house, second["access_token"]) == 200, "the refresh token lives on"
    answer = revoke(house, first["refresh_token"], token_type_hint="nonsense")
    assert (answer.status_code, answer.get_data()) == (200, b"")
    assert about(house, second["access_token"]) == 401
    assert ask(house, second["access_token"], owner).json == INACTIVE
    assert refresh(house, first["refresh_token"], "web-refresh").json["error"] == "invalid_grant"
    for over in (first["refresh_token"], first["access_token"], "unknown", "a.b.c"):
        assert revoke(house, over).status_code == 200


@pytest.mark.rule("identity", "RV-1")
def test_tokens_of_others_and_id_tokens_are_not_revoked(house: House) -> None:
    refreshing_web(house)
    mine = begin(house, "web-refresh")
    for token in (mine["access_token"], mine["refresh_token"]):
        answer = revoke(house, token, "web-two")
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert about(house, mine["access_token"]) == 200
    assert revoke(house, mine["id_token"]).json["error"] == "unsupported_token_type"
    assert revoke(house, mine["access_token"], client_secret="wrong").status_code == 401
    assert about(house, mine["access_token"]) == 200


@pytest.mark.rule("identity", "RV-1", "IN-4")
def test_a_machines_token_can_be_revoked_before_its_time(house: House) -> None:
    resource_server(house)
    enter(house, machine_client(client_id="machine-two"))
    token = house.token(house.machine_form(scope="notify:send")).json["access_token"]
    assert ask(house, token).json["active"] is True
    foreign = house.client().post(
        "/openid/revoke",
        data={
            "token": token,
            "client_assertion_type": house.machine_form()["client_assertion_type"],
            "client_assertion": house.assertion(iss="machine-two", sub="machine-two"),
        },
    )
    assert foreign.json["error"] == "invalid_grant"
    form = house.machine_form(grant_type=None, resource=None, token=token)
    assert house.client().post("/openid/revoke", data=form).status_code == 200
    assert ask(house, token).json == INACTIVE


@pytest.mark.rule("identity", "IN-2", "DP-7")
def test_a_bound_token_shows_its_key(house: House) -> None:
    resource_server(house)
    client = fapi_client(house)
    token = client.redeem(client.code(resource=RESOURCE)).json["access_token"]
    assert ask(house, token).json["cnf"] == {"jkt": client.dpop_key.thumbprint()}
    assert ask(house, token).json["token_type"] == "DPoP"
