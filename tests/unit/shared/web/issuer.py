"""An issuer in a few lines: it stands where the outbound HTTP client does and answers as OpenID Connect says."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from shared.clock import Clock
from shared.http import Outbound, OutboundFailed, Reply

URL = "http://localhost:9001/openid"


class Issuer(Outbound):
    """`claims` and `userinfo` are what it says next; `calls` what it was asked; `away` makes it silent."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.key = ECKey.generate_key("P-256", {"kid": "issuer-1", "use": "sig"}, private=True)
        self.metadata: dict[str, Any] = {
            "issuer": URL,
            "authorization_endpoint": URL + "/authorize",
            "token_endpoint": URL + "/token",
            "userinfo_endpoint": URL + "/userinfo",
            "jwks_uri": URL + "/jwks",
            "end_session_endpoint": URL + "/logout",
            "authorization_response_iss_parameter_supported": True,
        }
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {
            "sub": "p-1",
            "name": "Camila Andrea Soto Pérez",
            "RolUnico": {"numero": 11111111, "DV": "1", "tipo": "RUN"},
        }
        self.header: dict[str, Any] = {"alg": "ES256", "kid": "issuer-1"}
        self.signing_key = self.key
        self.asked: dict[str, str] = {}
        self.forms: list[tuple[dict[str, str], dict[str, str]]] = []
        self.away = False
        self.token_status = 200

    def authorize(self, location: str) -> dict[str, str]:
        """Take the browser in; return the query it goes back with."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        return {"state": self.asked["state"], "code": "code-1", "iss": URL}

    def sign(self, claims: Mapping[str, Any], **header: str) -> str:
        algorithm = str({**self.header, **header}["alg"])
        return jwt.encode({**self.header, **header}, dict(claims), self.signing_key, algorithms=[algorithm])

    def standard_claims(self) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        return {
            "iss": URL,
            "aud": self.asked.get("client_id", "toy-web"),
            "sub": "p-1",
            "iat": now,
            "exp": now + 300,
            "nonce": self.asked.get("nonce"),
            "auth_time": now,
            "acr": "urn:andamio:acr:1",
            "amr": ["pwd"],
            "sid": "sid-1",
        }

    def request(self, method: str, url: str, **options: Any) -> Reply:
        if self.away:
            raise OutboundFailed("no connection", sent=False)
        if url.endswith("/.well-known/openid-configuration"):
            return self._reply(self.metadata)
        if url.endswith("/jwks"):
            return self._reply(KeySet([self.key]).as_dict(private=False))
        if url.endswith("/token"):
            return self._token(options["data"], options.get("headers") or {})
        assert url.endswith("/userinfo")
        assert options["headers"]["Authorization"] == "Bearer at-1"
        return self._reply(self.userinfo)

    def _token(self, form: dict[str, str], headers: dict[str, str]) -> Reply:
        self.forms.append((form, headers))
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if digest != self.asked["code_challenge"] or self.token_status != 200:
            return self._reply({"error": "invalid_grant"}, self.token_status if self.token_status != 200 else 400)
        claims = {name: value for name, value in {**self.standard_claims(), **self.claims}.items() if value is not None}
        return self._reply({"access_token": "at-1", "token_type": "Bearer", "id_token": self.sign(claims)})

    @staticmethod
    def _reply(body: object, status: int = 200) -> Reply:
        return Reply(status, {"content-type": "application/json"}, json.dumps(body).encode())
