"""Clients that other people wrote, unchanged, over HTTP: idpy-oidc, Authlib, npm openid-client and oauth4webapi."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptojwt.jwk.ec import new_ec_key
from idpyoidc.client.oauth2.add_on.dpop import DPoPProof
from idpyoidc.client.oauth2.stand_alone_client import StandAloneClient
from joserfc.jwk import ECKey

from identity.context import Identity
from identity.operations import register
from tests.engines import Engines
from tests.factories.identity import CALLBACK, SECRET, VERIFIER, Browser, authorization, web_client
from tests.factories.identity_live import LiveIdentity, live_identity
from tests.factories.identity_protocol import BOTH_GRANTS, ec_key, public
from tests.peers.install import node_peers

PEERS = Path(__file__).resolve().parents[2] / "peers"


def furnish(identity: Identity) -> None:
    """The clients that come here: one that signs, one with a secret, an app."""
    key = {"keys": [public(ec_key(21))]}
    strict = web_client(client_id="fapi", policy="fapi2", grant_types=BOTH_GRANTS, jwks=key, request_object_alg="ES256")
    by_key = web_client(client_id="web-key", auth_method="private_key_jwt", jwks=key, grant_types=BOTH_GRANTS)
    for new in (strict, by_key, web_client(client_id="app-refresh", policy="public", grant_types=BOTH_GRANTS)):
        register.create_client(identity, new, actor="test")
    register.create_client(identity, web_client(client_id="web-refresh", grant_types=BOTH_GRANTS), actor="test", secret=SECRET)


@pytest.fixture(scope="module")
def live(engines: Engines, run_folder: Path) -> Iterator[LiveIdentity]:
    """One identity for all of them."""
    with live_identity(engines, run_folder, furnish=furnish) as made:
        yield made


def through_the_browser(live: LiveIdentity, url: str) -> str:
    """Sign a person in at an address of ours, agree where asked, and return where the client's browser ends up."""
    browser: Browser = live.browser()
    browser.open(url.removeprefix(live.origin))
    answer = browser.log_in()
    if answer.status_code == 200:
        answer = browser.send({"decision": "grant"})
    return str(answer.headers["Location"])


IDPY_SERVICES = {
    name: {"class": f"idpyoidc.client.oidc.{module}"}
    for name, module in {
        "discovery": "provider_info_discovery.ProviderInfoDiscovery",
        "authorization": "authorization.Authorization",
        "accesstoken": "access_token.AccessToken",
        "refresh_token": "refresh_access_token.RefreshAccessToken",
        "userinfo": "userinfo.UserInfo",
    }.items()
}


def idpy_client(live: LiveIdentity, client_id: str, **more: Any) -> StandAloneClient:
    """A relying party of idpy-oidc that discovers us by itself."""
    pkce = {
        "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
        "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
    }
    config = {
        "client_id": client_id,
        "issuer": live.origin + "/openid",
        "base_url": "https://client.example",
        "redirect_uris": [CALLBACK],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email"],
        "id_token_signed_response_alg": "ES256",
        "add_ons": {"pkce": pkce, **more.pop("add_ons", {})},
        "provider_info": {"issuer": live.origin + "/openid"},
        **more,
    }
    made = StandAloneClient(config=config, services=IDPY_SERVICES, client_type="oidc", httpc_params={"timeout": 10})
    made.do_provider_info()
    made.do_client_registration()
    return made


def finish(live: LiveIdentity, rp: StandAloneClient) -> dict[str, Any]:
    """Take idpy-oidc's own way through the flow."""
    back = through_the_browser(live, rp.init_authorization({"scope": ["openid", "profile", "email"]}))
    answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    return dict(rp.finalize(answer))


@pytest.mark.rule("identity", "DI-1", "DI-3", "AZ-8", "PK-2", "ID-1", "ID-5", "RT-4")
def test_idpy_oidc_with_a_secret_signs_in_and_refreshes(live: LiveIdentity) -> None:
    rp = idpy_client(live, "web-refresh", client_secret=SECRET, client_authn_methods=["client_secret_basic"])
    done = finish(live, rp)
    assert done["userinfo"]["given_name"] == "Camila Andrea"
    assert done["userinfo"]["sub"] == done["id_token"]["sub"]
    again = rp.refresh_access_token(done["state"])
    assert again["access_token"] != done["token"]


@pytest.mark.rule("identity", "DP-7", "DP-2")
def test_idpy_oidc_binds_its_token(live: LiveIdentity) -> None:
    dpop = {
        "function": "idpyoidc.client.oauth2.add_on.dpop.add_support",
        "kwargs": {"dpop_signing_alg_values_supported": ["ES256"], "with_dpop_header": ["accesstoken"]},
    }
    rp = idpy_client(live, "web-refresh", client_secret=SECRET, add_ons={"dpop": dpop}, client_authn_methods=["client_secret_post"])
    back = through_the_browser(live, rp.init_authorization({"scope": ["openid"]}))
    answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    rp.finalize_auth(answer)
    assert rp.get_tokens(answer["state"])["token_type"] == "DPoP"


def idpy_proof(key: Any, url: str, method: str, token: str | None = None) -> str:
    """A DPoP proof of idpy-oidc; its hash of the token is in hexadecimal, where RFC 9449 has base64url, so that one is ours."""
    from shared.dpop import ath

    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.serialize(), "htm": method, "htu": url, "iat": int(time.time())}
    made = DPoPProof(**header, jti=os.urandom(16).hex(), **({"ath": ath(token)} if token else {}))
    made.key = key
    return str(made.create_header())


@pytest.mark.rule("identity", "PA-1", "PA-2", "PA-9", "CA-5", "DP-5", "DP-7", "RT-5", "RV-2", "IN-2", "§2.27")
def test_authlib_with_proofs_of_idpy_oidc_is_a_fapi_client(live: LiveIdentity) -> None:
    issuer, key = live.origin + "/openid", new_ec_key("P-256")
    private = ECKey.import_key(ec_key(21).as_dict(private=True))

    def sign(*request: Any) -> Any:
        """Authlib's own method, with an expiry that FAPI allows: its default is an hour."""
        return PrivateKeyJWT(issuer, alg="ES256", headers={"kid": "key-21"}, claims={"exp": int(time.time()) + 60})(*request)

    with OAuth2Session(
        "fapi",
        private,
        token_endpoint_auth_method="private_key_jwt",
        revocation_endpoint_auth_method="private_key_jwt",
        redirect_uri=CALLBACK,
    ) as client:
        document = client.get(issuer + "/.well-known/openid-configuration", withhold_token=True).json()
        client.register_client_auth_method(("private_key_jwt", sign))
        par, token_url, about_url = (
            document[name] for name in ("pushed_authorization_request_endpoint", "token_endpoint", "userinfo_endpoint")
        )
        form = authorization(client_id="fapi", scope="openid email")
        pushed = client.post(par, data=form, auth=client.client_auth("private_key_jwt"), headers={"DPoP": idpy_proof(key, par, "POST")})
        assert pushed.status_code == 201, pushed.text
        url = f"{document['authorization_endpoint']}?client_id=fapi&request_uri={pushed.json()['request_uri']}"
        back = through_the_browser(live, url)
        first = client.fetch_token(
            token_url,
            authorization_response=back,
            state=form["state"],
            code_verifier=VERIFIER,
            headers={"DPoP": idpy_proof(key, token_url, "POST")},
        )
        assert first["token_type"] == "DPoP"
        shown = {"Authorization": f"DPoP {first['access_token']}", "DPoP": idpy_proof(key, about_url, "GET", first["access_token"])}
        about = client.get(about_url, headers=shown, withhold_token=True).json()
        again = client.refresh_token(token_url, first["refresh_token"], headers={"DPoP": idpy_proof(key, token_url, "POST")})
        seen = client.introspect_token(document["introspection_endpoint"], token=again["access_token"]).json()
        client.revoke_token(document["revocation_endpoint"], token=first["refresh_token"])
        over = client.introspect_token(document["introspection_endpoint"], token=again["access_token"]).json()
    assert about["email"] == "camila@example.com"
    assert again["refresh_token"] == first["refresh_token"]
    assert seen["active"] is True
    assert over == {"active": False}


def run_peer(live: LiveIdentity, script: str, **asked: Any) -> dict[str, Any]:
    """Run a client of npm: it prints an address, a person goes there, it gets what the browser brought back."""
    folder = node_peers()
    environment = {**os.environ, "ASKED": json.dumps({"issuer": live.origin + "/openid", "redirect_uri": CALLBACK, **asked})}
    target = folder / script
    if not target.exists() or target.read_text() != (PEERS / script).read_text():
        target.write_text((PEERS / script).read_text())
    process = subprocess.Popen(
        ["node", script], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    first = process.stdout.readline()
    if not first:
        raise AssertionError(process.communicate(timeout=10)[1][-2000:])
    out, err = process.communicate(through_the_browser(live, json.loads(first)["url"]) + "\n", timeout=30)
    assert process.returncode == 0, err[-2000:]
    return dict(json.loads(out))


@pytest.mark.rule("identity", "PA-1", "PA-5", "DP-5", "DP-6", "DP-7", "CA-5", "AZ-8", "RT-5", "RV-2", "IN-2", "§2.27", "§2.13")
@pytest.mark.parametrize("signed", [False, True], ids=["pushed", "signed and pushed"])
def test_openid_client_of_npm_is_a_fapi_client(live: LiveIdentity, signed: bool) -> None:
    got = run_peer(live, "fapi2_openid_client.mjs", client_id="fapi", private_jwk=ec_key(21).as_dict(private=True), signed=signed)
    assert got["token_type"].lower() == "dpop"
    assert got["kept"] is True
    assert got["about"]["email"] == "camila@example.com"
    assert got["before"]["active"] is True
    assert got["after"] == {"active": False}


@pytest.mark.rule("identity", "PA-1", "DP-6", "DP-7", "RT-1", "RT-6")
def test_oauth4webapi_of_npm_is_a_public_client(live: LiveIdentity) -> None:
    got = run_peer(live, "code_oauth4webapi.mjs", client_id="app-refresh")
    assert got["token_type"].lower() == "dpop"
    assert got["kept"] is False, "a public client's refresh token changes each time"
    assert got["about"]["email"] == "camila@example.com"
