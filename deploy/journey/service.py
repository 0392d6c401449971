"""What the office's own system does on the journey: the other side of each page the person sees."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy.journey.facts import Sandbox
from deploy.journey.report import JourneyFault

SCOPE = "openid name email phone run"
ARRIVAL_SECONDS = 30.0
LOOK_SECONDS = 0.1
ALGORITHMS = ["ES256", "RS256", "PS256"]


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """A sign-in that was begun: where the person goes, and what must come back."""

    url: str
    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class LoginClient:
    """The office's web client at identity: Authlib, code flow with PKCE."""

    def __init__(self, sandbox: Sandbox, http: httpx.Client) -> None:
        self.issuer = sandbox.text("identity", "issuer")
        self._client_id = sandbox.text("identity", "clients", "web", "client_id")
        self._secret = sandbox.text("identity", "clients", "web", "client_secret")
        self.redirect_uri = sandbox.text("identity", "clients", "web", "redirect_uris", 0)
        self._http = http
        self.metadata: Mapping[str, Any] = {}
        self._keys = KeySet([])

    def discover(self) -> dict[str, object]:
        """Read the provider's own description and its keys.  Raises: JourneyFault."""
        self.metadata = _json(self._http.get(f"{self.issuer}/.well-known/openid-configuration"))
        if self.metadata.get("issuer") != self.issuer:
            raise JourneyFault(f"the issuer calls itself {self.metadata.get('issuer')}, not {self.issuer}")
        self._keys = KeySet.import_key_set(_json(self._http.get(self.metadata["jwks_uri"])))
        if "S256" not in self.metadata.get("code_challenge_methods_supported", []):
            raise JourneyFault("the issuer does not offer PKCE with S256")
        return {"issuer": self.issuer, "keys": len(self._keys.keys), "algorithms": ", ".join(sorted({str(k.alg) for k in self._keys.keys}))}

    def begin(self, language: str) -> SignIn:
        """The address to send the person to."""
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        with self._session() as session:
            url, state = session.create_authorization_url(
                self.metadata["authorization_endpoint"], nonce=nonce, code_verifier=verifier, ui_locales=language
            )
        return SignIn(url=url, state=state, nonce=nonce, verifier=verifier, redirect_uri=self.redirect_uri)

    def finish(self, begun: SignIn, came_back: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Change the code for tokens: the claims of the ID token, checked, and those of user info.  Raises: JourneyFault."""
        returned = parse_qs(urlsplit(came_back).query)
        if returned.get("iss") != [self.issuer]:
            raise JourneyFault("the way back does not name the issuer (RFC 9207)")
        with self._session() as session:
            token = session.fetch_token(
                self.metadata["token_endpoint"], authorization_response=came_back, state=begun.state, code_verifier=begun.verifier
            )
            userinfo = _json(session.get(self.metadata["userinfo_endpoint"]))
        decoded = jwt.decode(token["id_token"], self._keys, algorithms=ALGORITHMS)
        expected = {"iss": {"values": [self.issuer]}, "aud": {"values": [self._client_id]}}
        params = {"nonce": begun.nonce, "client_id": self._client_id, "access_token": token["access_token"]}
        claims = CodeIDToken(decoded.claims, decoded.header, expected, params)
        claims.validate(leeway=30)
        if claims["sub"] != userinfo.get("sub"):
            raise JourneyFault("user info is about another subject than the ID token")
        return dict(claims), userinfo

    def _session(self) -> Any:
        return OAuth2Session(
            self._client_id,
            self._secret,
            scope=SCOPE,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
        )


class Inbox:
    """The outside world's mail box, read as a program."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self._url = url
        self._http = http
        self.since = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def wait_for(self, channel: str, *, to: str = "", fits: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> Mapping[str, Any]:
        """The newest message of this journey that fits, as soon as it is there.  Raises: JourneyFault when it does not come."""
        until = time.monotonic() + ARRIVAL_SECONDS
        query = {"channel": channel, "since": self.since} | ({"to": to} if to else {})
        while time.monotonic() < until:
            found = _json(self._http.get(f"{self._url}/api/messages", params=query))["messages"]
            message: Mapping[str, Any] | None = next((message for message in found if fits(message)), None)
            if message is not None:
                return message
            time.sleep(LOOK_SECONDS)
        raise JourneyFault(f"no {channel} message came within {ARRIVAL_SECONDS:.0f} seconds")

    def download(self, url: str) -> bytes:
        """The content of an attachment."""
        answer = self._http.get(url)
        answer.raise_for_status()
        return answer.content


def check_webhook(message: Mapping[str, Any], signing_key: str) -> Mapping[str, Any]:
    """The event that a webhook of pay tells, when its signature is right.  Raises: JourneyFault.  Spec: pay contract §15."""
    headers = {name.lower(): value for name, value in message["headers"].items()}
    expected = hmac.new(signing_key.encode(), message["body"].encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, str(headers.get("pay-signature", ""))):
        raise JourneyFault("the webhook's Pay-Signature is not made with the account's signing key")
    event: Mapping[str, Any] = json.loads(message["body"])
    return event


def _json(answer: Any) -> Any:
    answer.raise_for_status()
    return answer.json()
