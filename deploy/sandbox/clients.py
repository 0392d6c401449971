"""How an office's own system talks to the four services: with published clients, and plain HTTP where there is none.

The example service and the journey both use these; a service team could copy the file.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import httpx
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
from notifications_python_client.notifications import NotificationsAPIClient

ASSERTION_SECONDS = 60
EARLY_SECONDS = 30


class ShortAssertion(PrivateKeyJWT):  # type: ignore[misc] # Authlib is published without types
    """Client authentication by a signed assertion that lives a minute and is addressed to the issuer.  Spec: RFC 7523 §3."""

    alg = "ES256"

    def sign(self, auth: Any, token_endpoint: str) -> str:
        """Authlib asks for an assertion at each token request."""
        self.claims = {"exp": int(time.time()) + ASSERTION_SECONDS, "jti": secrets.token_urlsafe(24)}
        self.headers = {"kid": auth.client_secret.kid}
        return cast(str, super().sign(auth, token_endpoint))


class MachineTokens:
    """Access tokens for a machine client: client_credentials by `private_key_jwt`, one audience each, kept until nearly over."""

    def __init__(self, *, issuer: str, client_id: str, private_jwk: Mapping[str, str]) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._key = ECKey.import_key(dict(private_jwk))
        self._kept: dict[tuple[str, str], tuple[str, float]] = {}

    def token(self, *, audience: str, scope: str) -> str:
        """An access token for `audience`. Raises: authlib OAuthError when the issuer refuses."""
        token, until = self._kept.get((audience, scope), ("", 0.0))
        if time.monotonic() < until:
            return token
        with OAuth2Session(self._client_id, self._key, token_endpoint_auth_method=ShortAssertion.name, scope=scope) as session:
            session.register_client_auth_method(ShortAssertion(self._issuer))
            answer = session.fetch_token(f"{self._issuer}/token", grant_type="client_credentials", resource=audience)
        token = str(answer["access_token"])
        self._kept[audience, scope] = (token, time.monotonic() + int(answer["expires_in"]) - EARLY_SECONDS)
        return token


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a service said: its status and its JSON body, `{}` where there was none."""

    status: int
    body: Mapping[str, Any]

    @property
    def code(self) -> str:
        """The last part of a problem's type: `consent_withdrawn` of `urn:…:problem:consent_withdrawn`."""
        return str(self.body.get("type", "")).rstrip("/").replace("/", ":").rpartition(":")[2]


class WalletClient:
    """The wallet as a recipient of data uses it: ask, look, fetch."""

    def __init__(self, base_url: str, tokens: MachineTokens, http: httpx.Client) -> None:
        self._base_url = base_url
        self._tokens = tokens
        self._http = http

    def ask(self, request: Mapping[str, object]) -> Answer:
        """Create a consent request; `request["id"]` makes a repeat harmless."""
        return self._call("POST", "/consent-requests", scope="wallet:consents", json=request)

    def look(self, request_id: str) -> Answer:
        """The states of a consent request, with `consent_id` where granted."""
        return self._call("GET", f"/consent-requests/{request_id}", scope="wallet:consents")

    def fetch(self, request: Mapping[str, object]) -> Answer:
        """Have the gate fetch the fact."""
        return self._call("POST", "/exchange/v1/requests", scope="wallet:exchange", json=request)

    def _call(self, method: str, path: str, *, scope: str, json: Mapping[str, object] | None = None) -> Answer:
        token = self._tokens.token(audience=self._base_url, scope=scope)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return _answer(self._http.request(method, f"{self._base_url}{path}", json=json, headers=headers))


class PayClient:
    """Pay, version 1, as any office uses it: plain HTTP and a bearer key."""

    def __init__(self, base_url: str, api_key: str, http: httpx.Client) -> None:
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._http = http

    def create(self, *, amount_minor: int, reference: str, description: str, return_url: str, language: str, email: str) -> Answer:
        """Create a payment; the idempotency key is fresh, so each call is a payment of its own."""
        body = {
            "amount": amount_minor,
            "reference": reference,
            "description": description,
            "return_url": return_url,
            "language": language,
            "email": email,
        }
        headers = {**self._headers, "Idempotency-Key": str(uuid.uuid4())}
        return _answer(self._http.post(f"{self._base_url}/v1/payments", json=body, headers=headers))

    def get(self, payment_id: str) -> Answer:
        """Read a payment."""
        return _answer(self._http.get(f"{self._base_url}/v1/payments/{payment_id}", headers=self._headers))

    def receipt(self, payment_id: str) -> Answer:
        """Read the receipt of one that is paid."""
        return _answer(self._http.get(f"{self._base_url}/v1/payments/{payment_id}/receipt", headers=self._headers))


class NotifyClient(Protocol):
    """What is used here of the published client, which comes without types."""

    def get_template(self, template_id: str) -> Mapping[str, Any]:
        """Read a template, with the names of its placeholders."""
        ...

    def send_email_notification(
        self, *, email_address: str, template_id: str, personalisation: Mapping[str, str], reference: str
    ) -> Mapping[str, Any]:
        """Send a mail."""
        ...

    def send_sms_notification(
        self, *, phone_number: str, template_id: str, personalisation: Mapping[str, str], reference: str
    ) -> Mapping[str, Any]:
        """Send a text."""
        ...

    def send_letter_notification(self, *, template_id: str, personalisation: Mapping[str, str], reference: str) -> Mapping[str, Any]:
        """Send a letter."""
        ...

    def get_notification_by_id(self, id: str) -> Mapping[str, Any]:  # noqa: A002 - the client's own name
        """Read what became of a notification."""
        ...

    def post(self, url: str, data: Mapping[str, object]) -> Mapping[str, Any]:
        """Call an address that the client has no name for."""
        ...


def notify_client(base_url: str, api_key: str) -> NotifyClient:
    """The published client, pointed at our notify."""
    if urlsplit(base_url).path not in {"", "/"}:
        raise ValueError("this client drops a path from its base URL")
    made: NotifyClient = NotificationsAPIClient(api_key, base_url=base_url)  # type: ignore[no-untyped-call] # published without types
    return made


def _answer(response: httpx.Response) -> Answer:
    is_json = response.headers.get("content-type", "").partition(";")[0].endswith("json")
    body = response.json() if is_json and response.content else {}
    return Answer(status=response.status_code, body=body if isinstance(body, dict) else {"items": body})
