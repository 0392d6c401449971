"""Clients of the stricter policies, and the keys, proofs, certificates and signed requests they come with."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import ECKey, Key
from werkzeug.test import TestResponse

from identity.operations import register
from identity.operations.client_rules import NewClient
from shared.dpop import ath
from tests.factories.identity import CALLBACK, ISSUER, PUBLIC_URL, SECRET, VERIFIER, House, authorization, sent_to_client, web_client

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BOTH_GRANTS = ("authorization_code", "refresh_token")


@cache
def ec_key(number: int) -> ECKey:
    """A private key of P-256, the same in each process of a test run."""
    key = ec.derive_private_key(number, ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ECKey.import_key(pem, {"kid": f"key-{number}"})


def public(key: ECKey) -> dict[str, object]:
    """The public half as a JWK."""
    return dict(key.as_dict(private=False))


def signed(header: dict[str, Any], claims: object, key: Key) -> str:
    """A compact JWS of any JSON, however odd."""
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[header["alg"]])


def proof(house: House, url: str, *, key: ECKey | None = None, method: str = "POST", token: str | None = None, **changes: Any) -> str:
    """A DPoP proof for one call; a claim or header member set to None is left out."""
    held, signer = key or ec_key(77), changes.pop("signer", None)
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": {n: v for n, v in public(held).items() if n != "kid"}, **changes.pop("header", {})}
    claims = {"jti": house.identity.ids.token(16), "htm": method, "htu": url, "iat": int(house.clock.now().timestamp())}
    claims |= {"ath": ath(token)} if token else {}
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    header = {name: value for name, value in header.items() if value is not None}
    return signed(header, claims, signer or held)


@dataclass
class Strict:
    """A client that signs: its assertions, its requests, its whole flow."""

    house: House
    client_id: str
    key: ECKey = field(default_factory=lambda: ec_key(21))
    dpop_key: ECKey = field(default_factory=lambda: ec_key(77))

    def assertion(self, **changes: Any) -> str:
        """A client assertion; a claim set to None is left out."""
        now = int(self.house.clock.now().timestamp())
        jti = self.house.identity.ids.token(16)
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": jti, **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return signed({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def authenticated(self, **form: Any) -> dict[str, Any]:
        """A form with this client's proof in it; a member set to None is left out."""
        values = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion(), **form}
        return {name: value for name, value in values.items() if value is not None}

    def dpop(self, path: str, **changes: Any) -> str:
        """A proof for one of our endpoints."""
        return proof(self.house, PUBLIC_URL + path, key=changes.pop("key", self.dpop_key), **changes)

    def push(self, *, headers: dict[str, str] | None = None, **changes: Any) -> TestResponse:
        """Push an authorization request."""
        form = self.authenticated(**authorization(**{"client_id": self.client_id, "scope": "openid", **changes}))
        return self.house.client().post("/openid/par", data=form, headers=headers or {})

    def code(self, browser: Any = None, **changes: Any) -> str:
        """Push, have a person sign in, and return the code."""
        request_uri = self.push(**changes).json["request_uri"]
        browser = browser or self.house.browser()
        answer = browser.open("/openid/authorize", query_string={"client_id": self.client_id, "request_uri": request_uri})
        answer = browser.log_in() if answer.status_code == 200 else answer
        return sent_to_client(answer)["code"]

    def token(self, *, headers: dict[str, str] | None = None, path: str = "/openid/token", **form: Any) -> TestResponse:
        """Post to the token endpoint with a fresh assertion, and a fresh DPoP proof unless other headers are given."""
        sent = {"DPoP": self.dpop(path)} if headers is None else headers
        return self.house.client().post(path, data=self.authenticated(**form), headers=sent)

    def redeem(self, code: str, *, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
        """Exchange a code."""
        values = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **form}
        return self.token(headers=headers, **values)

    def refresh(self, token: str, *, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
        """Refresh."""
        return self.token(headers=headers, grant_type="refresh_token", refresh_token=token, **form)


def enter(house: House, new: NewClient, *, secret: str | None = None) -> None:
    """Register a client."""
    register.create_client(house.identity, new, actor="test", secret=secret)


def refreshing_web(house: House, client_id: str = "web-refresh", **changes: Any) -> None:
    """Register a confidential web client that refreshes."""
    enter(house, web_client(**{"client_id": client_id, "grant_types": BOTH_GRANTS, **changes}), secret=SECRET)


def refreshing_app(house: House, client_id: str = "app-refresh", **changes: Any) -> None:
    """Register a public client that refreshes."""
    enter(house, web_client(**{"client_id": client_id, "policy": "public", "grant_types": BOTH_GRANTS, **changes}))


def fapi_client(house: House, client_id: str = "fapi", *, number: int = 21, **changes: Any) -> Strict:
    """Register a client of policy fapi2."""
    key = ec_key(number)
    new = web_client(client_id=client_id, policy="fapi2", grant_types=BOTH_GRANTS, jwks={"keys": [public(key)]})
    enter(house, replace(new, **changes))
    return Strict(house, client_id, key)


def certificate(house: House, common_name: str = "client.example", *, number: int = 31, days: int = 30, **names: Any) -> x509.Certificate:
    """A certificate that signs itself, valid from a day ago for so many days."""
    private = ec.derive_private_key(number, ec.SECP256R1())
    name = x509.Name.from_rfc4514_string(f"CN={common_name},O=Servicio Uno,C=CL")
    now = house.clock.now()
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key()).serial_number(number)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=days))
    san = x509.SubjectAlternativeName(names.get("san") or [x509.DNSName(common_name)])
    return made.add_extension(san, critical=False).sign(private, hashes.SHA256())


def as_nginx(made: x509.Certificate) -> str:
    """A certificate as nginx forwards it."""
    return quote(made.public_bytes(Encoding.PEM).decode())
