"""DPoP: each way to make a proof wrongly, at each place that takes one (DP-1…DP-9)."""

from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from tests.factories.identity import PUBLIC_URL, RESOURCE, House, machine_client
from tests.factories.identity_protocol import Strict, ec_key, enter, fapi_client, proof, public

WRONG: list[tuple[str, dict[str, Any]]] = [
    ("typ missing", {"header": {"typ": None}}),
    ("typ other", {"header": {"typ": "JWT"}}),
    ("alg not in the list", {"header": {"alg": "RS256", "jwk": "rsa"}}),
    ("jwk missing", {"header": {"jwk": None}}),
    ("jwk private", {"header": {"jwk": "private"}}),
    ("jwk of another key", {"header": {"jwk": "other"}}),
    ("jwk symmetric", {"header": {"jwk": {"kty": "oct", "k": "AAAA"}}}),
    ("jwk nonsense", {"header": {"jwk": {"kty": "EC"}}}),
    ("crit", {"header": {"crit": ["b64"], "b64": True}}),
    ("jti missing", {"jti": None}),
    ("jti empty", {"jti": ""}),
    ("jti huge", {"jti": "j" * 257}),
    ("jti a number", {"jti": 7}),
    ("jti of half characters", {"jti": "\ud800"}),
    ("htm missing", {"htm": None}),
    ("htm other", {"htm": "PUT"}),
    ("htm in small letters", {"htm": "post"}),
    ("htu missing", {"htu": None}),
    ("htu other path", {"htu": PUBLIC_URL + "/openid/other"}),
    ("htu other host", {"htu": "https://evil.example/openid/token"}),
    ("htu http", {"htu": "http://identity.example/openid/token"}),
    ("htu with a user", {"htu": "https://x@identity.example/openid/token"}),
    ("htu no address", {"htu": "https://["}),
    ("iat missing", {"iat": None}),
    ("iat an hour ago", {"ago": 3600}),
    ("iat an hour ahead", {"ago": -3600}),
    ("iat a text", {"iat": "now"}),
    ("iat true", {"iat": True}),
    ("expired", {"exp": 1}),
    ("nonce unknown", {"nonce": "made-up"}),
]
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("plain", {}),
    ("ten seconds ago", {"ago": 10}),
    ("ten seconds ahead", {"ago": -10}),
    ("with query and fragment", {"suffix": "?a=1#b"}),
    ("host in capitals, default port", {"host": "HTTPS://IDENTITY.EXAMPLE:443"}),
]


def made(house: House, path: str, changes: dict[str, Any], *, method: str = "POST", token: str | None = None) -> str:
    """A proof with something wrong in it."""
    changes = {**changes, "header": dict(changes.get("header", {}))}
    url = changes.pop("host", PUBLIC_URL) + path + changes.pop("suffix", "")
    if "ago" in changes:
        changes["iat"] = int(house.clock.now().timestamp()) - changes.pop("ago")
    if changes.get("htm") == "post":
        changes["htm"] = method.lower()
    jwk = changes["header"].get("jwk")
    if jwk == "rsa":
        key = RSAKey.generate_key(2048)
        changes["header"]["jwk"], changes["signer"] = key.as_dict(private=False), key
    elif jwk == "private":
        changes["header"]["jwk"] = ec_key(77).as_dict(private=True)
    elif jwk == "other":
        changes["header"]["jwk"] = public(ec_key(78))
    return proof(house, url, method=method, token=token, **changes)


@pytest.fixture
def client(house: House) -> Strict:
    """A client of policy fapi2."""
    return fapi_client(house)


@pytest.fixture
def machine(house: House) -> Strict:
    """A machine whose tokens are bound; they reach the register."""
    key = ec_key(23)
    enter(house, machine_client(client_id="bound", jwks={"keys": [public(key)]}, sender_constrained=True))
    return Strict(house, "bound", key)


def at_par(client: Strict, sent: str) -> TestResponse:
    return client.push(headers={"DPoP": sent})


def at_token(client: Strict, sent: str) -> TestResponse:
    form = {"grant_type": "client_credentials", "resource": PUBLIC_URL, "scope": "identity:register"}
    return client.token(headers={"DPoP": sent}, **form)


@pytest.mark.rule("identity", "DP-1", "DP-2", "DP-3", "DP-6", "DP-9", "CA-6", "PA-9")
def test_wrong_proofs_at_par_and_token(house: House, client: Strict, machine: Strict) -> None:
    places: list[tuple[str, Strict, Callable[[Strict, str], TestResponse]]] = [
        ("/openid/par", client, at_par),
        ("/openid/token", machine, at_token),
    ]
    for path, who, send in places:
        for name, changes in WRONG:
            answer = send(who, made(house, path, changes))
            expected = "use_dpop_nonce" if name == "nonce unknown" else "invalid_dpop_proof"
            assert (answer.status_code, answer.json["error"]) == (400, expected), (path, name)
            assert answer.headers["DPoP-Nonce"], (path, name)
        for name, changes in GOOD:
            assert send(who, made(house, path, changes)).status_code in {200, 201}, (path, name)
        again = made(house, path, {})
        assert send(who, again).status_code in {200, 201}
        assert send(who, again).json["error"] == "invalid_dpop_proof", "each proof once"
        assert send(who, f"{made(house, path, {})}, {made(house, path, {})}").json["error"] == "invalid_dpop_proof", "two headers"
        assert send(who, "x" * 9000).json["error"] == "invalid_dpop_proof"


def userinfo_token(house: House, client: Strict) -> str:
    return str(client.redeem(client.code()).json["access_token"])


@pytest.mark.rule("identity", "DP-1", "DP-2", "DP-3", "DP-4", "DP-5", "DP-9", "UI-3")
def test_wrong_proofs_at_userinfo_and_at_a_protected_resource(house: House, client: Strict, machine: Strict, redis_url: str) -> None:
    from redis import Redis

    house.identity.__dict__["redis"] = Redis.from_url(redis_url)
    places = {
        "/openid/userinfo": userinfo_token(house, client),
        "/register/v1/clients": at_token(machine, machine.dpop("/openid/token")).json["access_token"],
    }
    for path, token in places.items():

        def send(sent: str, scheme: str = "DPoP", path: str = path, token: str = token) -> TestResponse:
            return house.client().get(path, headers={"Authorization": f"{scheme} {token}", "DPoP": sent})

        for name, changes in [*WRONG, ("ath missing", {"ath": None}), ("ath of another token", {"ath": "x" * 43})]:
            if name == "nonce unknown" and path.startswith("/register"):
                continue  # nonces are the authorization server's own
            answer = send(made(house, path, changes, method="GET", token=token))
            code = "use_dpop_nonce" if name == "nonce unknown" else "invalid_dpop_proof"
            assert answer.status_code == 401, (path, name)
            assert answer.headers["WWW-Authenticate"].startswith(f'DPoP error="{code}"'), (path, name)
            assert "algs=" in answer.headers["WWW-Authenticate"], (path, name)
        for name, changes in GOOD:
            assert send(made(house, path, changes, method="GET", token=token)).status_code == 200, (path, name)
        assert send(made(house, path, {}, method="GET", token=token), "dpop").status_code == 200, "the scheme's letters do not matter"
        again = made(house, path, {}, method="GET", token=token)
        assert (send(again).status_code, send(again).status_code) == (200, 401), "each proof once"
        as_bearer = send(made(house, path, {}, method="GET", token=token), "Bearer")
        assert as_bearer.status_code == 401
        assert 'error="invalid_token"' in as_bearer.headers["WWW-Authenticate"]
        other = proof(house, PUBLIC_URL + path, key=ec_key(78), method="GET", token=token)
        assert send(other).status_code == 401, "another key than the token's"
        assert house.client().get(path, headers={"Authorization": f"DPoP {token}"}).status_code == 401, "no proof"
    house.identity.redis.close()


@pytest.mark.rule("identity", "DP-5")
def test_an_unbound_token_is_not_shown_as_bound(house: House) -> None:
    token = house.token(house.machine_form(scope="identity:register", resource=PUBLIC_URL)).json["access_token"]
    sent = proof(house, PUBLIC_URL + "/register/v1/clients", method="GET", token=token)
    answer = house.client().get("/register/v1/clients", headers={"Authorization": f"DPoP {token}", "DPoP": sent})
    assert answer.status_code == 401


@pytest.mark.rule("identity", "DP-6")
def test_the_nonce_of_the_server_is_good_for_five_minutes(house: House) -> None:
    client = fapi_client(house, dpop_nonce_required=True)
    first = client.push(headers={"DPoP": client.dpop("/openid/par")})
    assert (first.status_code, first.json["error"]) == (400, "use_dpop_nonce")
    nonce = first.headers["DPoP-Nonce"]
    assert client.push(headers={"DPoP": client.dpop("/openid/par", nonce=nonce)}).status_code == 201
    house.clock.advance(seconds=290)
    late = client.push(headers={"DPoP": client.dpop("/openid/par", nonce=nonce)})
    assert late.status_code == 201
    house.clock.advance(seconds=80)
    over = client.push(headers={"DPoP": client.dpop("/openid/par", nonce=nonce)})
    assert (over.status_code, over.json["error"]) == (400, "use_dpop_nonce")
    assert client.push(headers={"DPoP": client.dpop("/openid/par", nonce=over.headers["DPoP-Nonce"])}).status_code == 201


@pytest.mark.rule("identity", "DP-4", "DP-1")
def test_a_proof_is_single_for_its_key_and_address(house: House, client: Strict) -> None:
    same = {"jti": "a-jti-of-sixteen"}
    assert client.push(headers={"DPoP": client.dpop("/openid/par", **same)}).status_code == 201
    assert client.push(headers={"DPoP": client.dpop("/openid/par", key=ec_key(78), **same)}).status_code == 201
    assert client.push(headers={"DPoP": client.dpop("/openid/par", **same)}).json["error"] == "invalid_dpop_proof"


@pytest.mark.rule("identity", "DP-7", "TK-8")
def test_a_machine_may_bind_its_tokens(house: House) -> None:
    sent = proof(house, PUBLIC_URL + "/openid/token")
    answer = house.token(house.machine_form(scope="notify:send", resource=RESOURCE), DPoP=sent)
    assert answer.json["token_type"] == "DPoP"
    assert answer.json["access_token"].count(".") == 2


@pytest.mark.rule("identity", "DP-8")
def test_clients_that_must_bind_get_nothing_without_a_proof(house: House, client: Strict, machine: Strict) -> None:
    for answer in (
        client.redeem(client.code(), headers={}),
        machine.token(headers={}, grant_type="client_credentials", resource=PUBLIC_URL),
    ):
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.rule("identity", "DP-1")
def test_legacy_clients_are_left_alone(house: House) -> None:
    """A proof that nobody asked for does not bind tokens of a client that cannot show it later."""
    from tests.factories.identity import LEGACY_SECRET, authorization

    browser = house.browser()
    browser.open(
        "/openid/authorize",
        query_string=authorization(client_id="legacy", scope="openid run", code_challenge=None, code_challenge_method=None),
    )
    code = browser.log_in().headers["Location"].split("code=")[1].split("&")[0]
    form = house.code_form(code, client_id="legacy", client_secret=LEGACY_SECRET, code_verifier=None)
    assert house.token(form, DPoP=proof(house, PUBLIC_URL + "/openid/token")).json["token_type"] == "bearer"
