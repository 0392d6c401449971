"""ID tokens for the client's eyes only: signed, then encrypted for a key that it registered (ID-6)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from identity.errors import InvalidClientMetadata
from identity.standards import jose
from shared.http import OutboundFailed, Reply
from tests.factories.identity import SECRET, House, web_client
from tests.factories.identity_protocol import BOTH_GRANTS, ec_key, enter, public

KEYS: dict[str, tuple[str, Callable[[], Key]]] = {
    "RSA": ("RSA-OAEP-256", lambda: RSAKey.generate_key(2048)),
    "P-256": ("ECDH-ES", lambda: ECKey.generate_key("P-256")),
    "X25519": ("ECDH-ES", lambda: OKPKey.generate_key("X25519")),
}


def for_encryption(key: Key) -> dict[str, Any]:
    """The public half, as a client registers it."""
    return {**key.as_dict(private=False), "kid": "for-us", "use": "enc"}


def client(alg: str | None, *keys: dict[str, Any], **changes: Any) -> Any:
    jwks = {"keys": list(keys)} if keys else None
    return web_client(**{"client_id": "sealed", "id_token_encryption_alg": alg, "jwks": jwks, "grant_types": BOTH_GRANTS, **changes})


def form(house: House, code: str) -> dict[str, str]:
    return house.code_form(code, client_id="sealed")


def opened(house: House, token: str, key: Key, alg: str) -> dict[str, Any]:
    """The claims inside, and that nothing but the key opens them."""
    assert token.count(".") == 4
    found = jwe.decrypt_compact(token, key, algorithms=[alg, "A256GCM"])
    assert {name: found.headers()[name] for name in ("alg", "enc", "cty", "kid")} == {
        "alg": alg,
        "enc": "A256GCM",
        "cty": "JWT",
        "kid": "for-us",
    }
    assert found.plaintext is not None
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    return dict(jwt.decode(found.plaintext.decode(), keys, algorithms=["ES256"]).claims)


@pytest.mark.rule("identity", "ID-6", "RT-4")
@pytest.mark.parametrize("kind", list(KEYS))
def test_an_id_token_is_signed_and_then_encrypted(house: House, kind: str) -> None:
    alg, make = KEYS[kind]
    key = make()
    enter(house, client(alg, for_encryption(key)), secret=SECRET)
    tokens = house.token(form(house, house.new_code(client_id="sealed"))).json
    claims = opened(house, tokens["id_token"], key, alg)
    assert (claims["aud"], claims["nonce"]) == ("sealed", "n-0S6_WzA2Mj")
    again = house.token(
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "sealed", "client_secret": SECRET}
    )
    assert opened(house, again.json["id_token"], key, alg)["sub"] == claims["sub"]


@pytest.mark.rule("identity", "ID-6", "CA-2")
def test_keys_for_the_one_use_are_of_no_use_for_the_other(house: House) -> None:
    signing = {**public(ec_key(21)), "use": "sig"}
    sealing = ECKey.generate_key("P-256")
    both = client("ECDH-ES", for_encryption(sealing), signing, auth_method="private_key_jwt")
    enter(house, both)
    known = house.identity.clients.find("sealed")
    assert known is not None
    assert (list(known.keys), list(known.encryption_keys)) == (["key-21"], ["for-us"])


BAD: list[tuple[str, str | None, list[str]]] = [
    ("no key", "ECDH-ES", []),
    ("key of another kind", "ECDH-ES", ["RSA"]),
    ("key of another kind", "RSA-OAEP-256", ["P-256"]),
    ("algorithm", "RSA1_5", ["RSA"]),
    ("algorithm", "dir", ["P-256"]),
    ("algorithm", "none", ["P-256"]),
    ("keys without use", None, ["P-256"]),
]


@pytest.mark.rule("identity", "ID-6", "RG-5")
def test_descriptions_that_are_refused(house: House) -> None:
    made = {kind: for_encryption(make()) for kind, (_, make) in KEYS.items()}
    for what, alg, kinds in BAD:
        with pytest.raises(InvalidClientMetadata):
            enter(house, client(alg, *(made[kind] for kind in kinds)), secret=SECRET)
            pytest.fail(what)
    with pytest.raises(InvalidClientMetadata):
        enter(house, client("ECDH-ES", {**made["P-256"], "use": "sig"}), secret=SECRET)


@pytest.mark.rule("identity", "ID-6", "CA-7", "CA-8")
def test_a_key_may_stand_at_the_clients_address_and_without_it_nothing_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    key, answers = ECKey.generate_key("P-256"), list[Reply | Exception]()

    def request(_method: str, _url: str, **_: Any) -> Reply:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(house.identity.client_keys._http, "request", request)
    enter(house, client("ECDH-ES", jwks_uri="https://client.example/jwks"), secret=SECRET)
    code = house.new_code(client_id="sealed")
    answers.append(OutboundFailed("away", sent=False))
    refused = house.token(form(house, code))
    assert (refused.status_code, refused.json["error"]) == (503, "temporarily_unavailable")
    assert "id_token" not in refused.json
    house.clock.advance(seconds=60)
    answers.append(Reply(200, {}, json.dumps({"keys": [for_encryption(key)]}).encode()))
    code = house.new_code(client_id="sealed")
    assert opened(house, house.token(form(house, code)).json["id_token"], key, "ECDH-ES")["aud"] == "sealed"


@pytest.mark.rule("identity", "ID-6", "DI-9")
def test_what_is_advertised_is_what_is_registered(house: House) -> None:
    document = house.client().get("/openid/.well-known/openid-configuration").json
    assert document["id_token_encryption_alg_values_supported"] == list(jose.ENCRYPTION_ALGORITHMS) == ["RSA-OAEP-256", "ECDH-ES"]
    assert document["id_token_encryption_enc_values_supported"] == ["A256GCM"]
    assert not [name for name in document if name.startswith("userinfo_encryption")]
