"""The client's side of OpenID Connect: where to send the browser, and what its return is worth.  Knows no request, no session.

Spec: OpenID Connect Core 1.0 §3.1, RFC 7636 (PKCE), RFC 9207 (`iss`), RFC 7523 (private_key_jwt), OIDC RP-Initiated and
Back-Channel Logout 1.0.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry
from joserfc.jws import extract_compact

from shared.auth import ALGORITHMS, SKEW_SECONDS, KeysUnavailable, RemoteKeys
from shared.context import Context
from shared.crypto import constant_time_equal
from shared.http import OutboundError

METADATA_FRESH_SECONDS = 300
TOKEN_BYTES_MAX = 16_384
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class IssuerAway(Exception):
    """The issuer cannot be reached, or does not answer as it should."""


class BadAnswer(Exception):
    """What came back is not the issuer's answer to our question; the text names the check that failed."""


@dataclass(frozen=True)
class Question:
    """What we remember of one sending-off, until the browser is back."""

    state: str
    nonce: str
    verifier: str
    return_path: str
    asked_at: float
    acr: str = ""
    max_age_seconds: int | None = None


@dataclass(frozen=True)
class Answer:
    """Who the issuer says has signed in: claims of the ID token, and of userinfo, both checked."""

    id_token: str
    claims: Mapping[str, Any]  # of any shape the issuer likes; read by who needs them
    userinfo: Mapping[str, Any]


class OpenIdClient:
    """The client that this service is at the issuer."""

    def __init__(self, context: Context, *, scopes: tuple[str, ...]) -> None:
        self._context = context
        self._issuer = context.settings.issuer
        self._client_id = context.settings.login_client_id
        self._keys = RemoteKeys(context.http, context.clock, context.db, issuer=self._issuer)
        self._metadata: dict[str, Any] = {}
        self._fetched_at: datetime | None = None
        self.scope = " ".join(dict.fromkeys(("openid", *scopes)))
        self.redirect_uri = context.settings.public_url + "/login/callback"

    def metadata(self) -> Mapping[str, Any]:
        """Return the issuer's metadata, fetched at most every five minutes.  Raises: IssuerAway.  Spec: OIDC Discovery §4.3."""
        now = self._context.clock.now()
        if self._fetched_at is None or now - self._fetched_at > timedelta(seconds=METADATA_FRESH_SECONDS):
            try:
                found = self._context.http.request("GET", self._issuer + "/.well-known/openid-configuration", timeout_seconds=5).json()
                if not isinstance(found, dict) or found.get("issuer") != self._issuer:
                    raise IssuerAway("the metadata are of another issuer")
                self._metadata, self._fetched_at = found, now
            except OutboundError as error:
                if not self._metadata:
                    raise IssuerAway(str(error)) from None
        return self._metadata

    def _endpoint(self, name: str) -> str:
        url = self.metadata().get(name)
        if not isinstance(url, str):
            raise IssuerAway(f"the metadata lack {name}")
        return url

    def ask(self, return_path: str, *, acr: str = "", max_age_seconds: int | None = None) -> Question:
        """Return a fresh question."""
        ids, now = self._context.ids, self._context.clock.now().timestamp()
        return Question(ids.token(24), ids.token(24), ids.token(32), return_path, now, acr, max_age_seconds)

    def authorization_url(self, question: Question, *, language: str, more: Mapping[str, str] | None = None) -> str:
        """Return where the browser is sent; `more` are parameters besides, or instead.  Raises: IssuerAway."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(question.verifier.encode()).digest()).decode().rstrip("=")
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": question.state,
            "nonce": question.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "ui_locales": language,
        }
        if question.acr:
            parameters["acr_values"] = question.acr
        if question.max_age_seconds is not None:
            parameters["max_age"] = str(question.max_age_seconds)
        parameters |= more or {}
        endpoint = self._endpoint("authorization_endpoint")
        return endpoint + ("&" if "?" in endpoint else "?") + urlencode(parameters)

    def check_issuer(self, iss: str | None) -> None:
        """Refuse an answer of another issuer.  Raises: BadAnswer, IssuerAway.  Spec: RFC 9207 §2.4."""
        required = self.metadata().get("authorization_response_iss_parameter_supported") is True
        if iss != self._issuer and (iss is not None or required):
            raise BadAnswer("iss")

    def exchange(self, question: Question, code: str) -> Answer:
        """Take the tokens for a code and return who signed in.  Raises: BadAnswer, IssuerAway."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": question.verifier,
        }
        headers = self._authenticate(form)
        tokens = self._call("POST", self._endpoint("token_endpoint"), form=form, headers=headers)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise BadAnswer("tokens")
        claims = self.check_id_token(id_token, question)
        bearer = {"Authorization": f"Bearer {access_token}"}
        userinfo = self._call("GET", self._endpoint("userinfo_endpoint"), headers=bearer)
        if userinfo.get("sub") != claims["sub"]:
            raise BadAnswer("userinfo sub")  # Core §5.3.2
        return Answer(id_token, claims, userinfo)

    def _authenticate(self, form: dict[str, str]) -> dict[str, str]:
        """Add the client's proof: its secret where it has one, else an assertion with the service's own key."""
        secret = self._context.settings.login_client_secret.reveal()
        if secret:
            pair = f"{quote(self._client_id, safe='')}:{quote(secret, safe='')}"  # RFC 6749 §2.3.1
            return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        key = JWKRegistry.import_key(json.loads(self._context.settings.client_key.reveal()))
        now = int(self._context.clock.now().timestamp())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._issuer,
            "jti": self._context.ids.token(16),
            "iat": now,
            "exp": now + 60,
        }
        assertion = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
        form.update(client_id=self._client_id, client_assertion_type=ASSERTION_TYPE, client_assertion=assertion)
        return {}

    def _call(self, method: str, url: str, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
        try:
            reply = self._context.http.request(method, url, data=form, headers=headers, timeout_seconds=10)
            body = reply.json()
        except OutboundError as error:
            raise IssuerAway(str(error)) from None
        if reply.status >= 500 or reply.status == 429:
            raise IssuerAway(f"status {reply.status}")
        if reply.status != 200 or not isinstance(body, dict):
            raise BadAnswer(f"status {reply.status}")
        return body

    def _verified(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return header and claims of a token that the issuer signed for us and that is valid now."""
        try:
            header = extract_compact(token.encode()).headers() if len(token) <= TOKEN_BYTES_MAX else {}
            kid, algorithm = header.get("kid"), header.get("alg")
            if not isinstance(kid, str) or algorithm not in ALGORITHMS:
                raise BadAnswer("algorithm")
            claims: dict[str, Any] = jwt.decode(token, self._keys.find(kid), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            raise BadAnswer("signature") from None
        except KeysUnavailable:
            raise IssuerAway("no keys") from None
        now = self._context.clock.now().timestamp()
        if claims.get("iss") != self._issuer:
            raise BadAnswer("iss")
        if claims.get("aud") not in (self._client_id, [self._client_id]) or claims.get("azp", self._client_id) != self._client_id:
            raise BadAnswer("aud")
        if not _is_time(claims.get("exp")) or claims["exp"] + SKEW_SECONDS < now:
            raise BadAnswer("exp")
        if not _is_time(claims.get("iat")) or claims["iat"] - SKEW_SECONDS > now:
            raise BadAnswer("iat")
        return dict(header), claims

    def check_id_token(self, token: str, question: Question) -> dict[str, Any]:
        """Return the claims of an ID token that answers the question.  Raises: BadAnswer, IssuerAway.  Spec: Core §3.1.3.7."""
        header, claims = self._verified(token)
        if header.get("typ", "JWT") != "JWT":
            raise BadAnswer("typ")
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not constant_time_equal(nonce, question.nonce):
            raise BadAnswer("nonce")
        if not isinstance(claims.get("sub"), str) or not 1 <= len(claims["sub"]) <= 255:
            raise BadAnswer("sub")
        if question.max_age_seconds is not None:
            signed_in_at = claims.get("auth_time", 0)
            if not _is_time(signed_in_at) or signed_in_at + question.max_age_seconds + SKEW_SECONDS < self._context.clock.now().timestamp():
                raise BadAnswer("auth_time")
        return claims

    def check_logout_token(self, token: str) -> str:
        """Return the issuer's session id that is over.  Raises: BadAnswer, IssuerAway.  Spec: Back-Channel Logout §2.6."""
        header, claims = self._verified(token)
        events = claims.get("events")
        if header.get("typ") != "logout+jwt" or "nonce" in claims or not isinstance(claims.get("jti"), str):
            raise BadAnswer("not a logout token")
        if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
            raise BadAnswer("events")
        if not isinstance(claims.get("sid"), str):
            raise BadAnswer("sid")
        return str(claims["sid"])

    def end_url(self, id_token: str) -> str | None:
        """Return where the browser ends the session at the issuer too, or None where it has no such place.  Raises: IssuerAway."""
        endpoint = self.metadata().get("end_session_endpoint")
        if not isinstance(endpoint, str):
            return None
        back = self._context.settings.public_url + "/"
        return endpoint + "?" + urlencode({"id_token_hint": id_token, "client_id": self._client_id, "post_logout_redirect_uri": back})


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
