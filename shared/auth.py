"""The resource-server side of OAuth 2: check access tokens of the issuer, and get our own for calls to others.

Spec: RFC 9068 (JWT access tokens), RFC 7523 (private_key_jwt), RFC 8707 (resource).
"""

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet
from sqlalchemy import Column, String, Table, Text, select
from sqlalchemy.dialects.postgresql import insert

from shared.clock import Clock
from shared.crypto import sha256_hex
from shared.db import Database, UtcDateTime, shared_metadata
from shared.http import Outbound, OutboundError
from shared.ids import Ids
from shared.settings import Secret

log = structlog.get_logger("andamio.auth")

ALGORITHMS = ["ES256", "PS256", "RS256", "EdDSA"]
SKEW_SECONDS = 30
FRESH_SECONDS = 15
STALE_SECONDS_MAX = 24 * 3600
REFETCH_SECONDS_MIN = 5
VERIFIED_MAX = 5_000

cached_documents = Table(
    "cached_documents",
    shared_metadata,
    Column("url", String(500), primary_key=True),
    Column("body", Text, nullable=False),
    Column("fetched_at", UtcDateTime, nullable=False),
)


class InvalidToken(Exception):
    """The token is not one of ours, not now, or not for here; the text is safe to tell its bearer."""


class KeysUnavailable(Exception):
    """The issuer's keys could not be had, and none are kept."""


@dataclass(frozen=True)
class Caller:
    """Who calls: a client, and for whom.  `claims` are those of the token, verified."""

    client_id: str
    subject: str
    scopes: frozenset[str]
    claims: dict[str, Any] = field(hash=False, compare=False)  # claims of extensions, read by who asked for them


class Keys(Protocol):
    """Where the issuer's public keys come from."""

    def find(self, kid: str) -> KeySet:
        """Return keys among which is `kid`, if the issuer has it.  Raises: KeysUnavailable."""
        ...


class RemoteKeys:
    """The issuer's JWKS: fetched through its metadata, kept in memory and in the database, used while the issuer is away.

    An unknown `kid` makes it ask again (at most every five seconds), so that keys rotate without a restart.  A key that the issuer
    took back is gone with the next answer: within 15 seconds, or as soon as a token comes that a newer key signed (ADR 0007).
    """

    def __init__(self, http: Outbound, clock: Clock, database: Database, *, issuer: str) -> None:
        self._http = http
        self._clock = clock
        self._database = database
        self._issuer = issuer
        self._keys: KeySet | None = None
        self._fetched_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._lock = threading.Lock()

    def find(self, kid: str) -> KeySet:
        """Return keys among which is `kid`, if the issuer has it.  Raises: KeysUnavailable."""
        with self._lock:
            if self._keys is None:
                self._load_kept()
            now = self._clock.now()
            known = self._keys is not None and any(key.kid == kid for key in self._keys.keys)
            fresh = self._fetched_at is not None and now - self._fetched_at < timedelta(seconds=FRESH_SECONDS)
            may_ask = self._asked_at is None or now - self._asked_at >= timedelta(seconds=REFETCH_SECONDS_MIN)
            must_ask = not (known and fresh) and may_ask
            if must_ask:
                self._asked_at = now
            if must_ask and not known:
                self._fetch(now)
        if must_ask and known:
            self._fetch(now)  # the others go on with what is known meanwhile
        if self._keys is None or self._fetched_at is None or now - self._fetched_at > timedelta(seconds=STALE_SECONDS_MAX):
            raise KeysUnavailable
        return self._keys

    def _fetch(self, now: datetime) -> None:
        try:
            metadata = self._http.request("GET", self._issuer + "/.well-known/openid-configuration", timeout_seconds=3).json()
            if metadata["issuer"] != self._issuer:
                raise ValueError("metadata of another issuer")
            reply = self._http.request("GET", str(metadata["jwks_uri"]), timeout_seconds=3)
            keys = KeySet.import_key_set(reply.json())
        except (OutboundError, JoseError, KeyError, TypeError, ValueError) as error:
            log.warning("issuer keys not fetched", error=type(error).__name__)
            return
        self._keys, self._fetched_at = keys, now
        row = {"url": self._issuer, "body": reply.body.decode(), "fetched_at": now}
        statement = insert(cached_documents).values(row)
        with self._database.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["url"], set_={"body": row["body"], "fetched_at": now}))

    def _load_kept(self) -> None:
        with self._database.reading() as connection:
            found = connection.execute(select(cached_documents).where(cached_documents.c.url == self._issuer)).one_or_none()
        if found:
            self._keys, self._fetched_at = KeySet.import_key_set(json.loads(found.body)), found.fetched_at


class TokenVerifier:
    """Checks that an access token is the issuer's, valid now and addressed to us."""

    def __init__(self, keys: Keys, clock: Clock, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._verified: dict[str, tuple[Caller, int, str]] = {}

    def verify(self, token: str) -> Caller:
        """Return who calls.  Raises: InvalidToken, KeysUnavailable.  Spec: RFC 9068 §4."""
        now = int(self._clock.now().timestamp())
        digest = sha256_hex(token)
        known = self._verified.get(digest)
        if known is not None:
            if known[1] + SKEW_SECONDS < now:
                del self._verified[digest]
                raise InvalidToken("the token has expired")
            if not any(key.kid == known[2] for key in self._keys.find(known[2]).keys):
                del self._verified[digest]
                raise InvalidToken("its key is not the issuer's any more")
            return known[0]
        kid, claims = self._check(token, now)
        caller = Caller(
            client_id=str(claims.get("client_id", "")),
            subject=str(claims["sub"]),
            scopes=frozenset(str(claims.get("scope", "")).split()),
            claims=claims,
        )
        if len(self._verified) >= VERIFIED_MAX:
            self._verified.clear()
        self._verified[digest] = (caller, int(claims["exp"]), kid)
        return caller

    def _check(self, token: str, now: int) -> tuple[str, dict[str, Any]]:
        """Return the id of the key that signed, and the claims."""
        header = _header(token)
        if str(header.get("typ", "")).lower() not in {"at+jwt", "application/at+jwt"}:
            raise InvalidToken("not an access token")
        if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
            raise InvalidToken("the token is signed in a way not taken here")
        try:
            claims: dict[str, Any] = jwt.decode(token, self._keys.find(header["kid"]), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            raise InvalidToken("the signature is not the issuer's") from None
        if claims.get("iss") != self._issuer:
            raise InvalidToken("the token is of another issuer")
        audience = claims.get("aud")
        if self._audience not in ([audience] if isinstance(audience, str) else audience or []):
            raise InvalidToken("the token is for another service")
        expires, issued = claims.get("exp"), claims.get("iat")
        if not isinstance(expires, int) or expires + SKEW_SECONDS < now:
            raise InvalidToken("the token has expired")
        if not isinstance(issued, int) or issued - SKEW_SECONDS > now:
            raise InvalidToken("the token is from the future")
        if not isinstance(claims.get("sub"), str):
            raise InvalidToken("the token names no subject")
        return header["kid"], claims


def _header(token: str) -> dict[str, Any]:
    from joserfc.jws import extract_compact

    if len(token) > 16_384:
        raise InvalidToken("the token is too long")
    try:
        return dict(extract_compact(token.encode()).headers())
    except (JoseError, ValueError, UnicodeError):
        raise InvalidToken("not a signed token") from None


class CannotGetToken(Exception):
    """The issuer gave no token: it is away (`passing`), or our client is not set up."""

    def __init__(self, why: str, *, passing: bool) -> None:
        super().__init__(why)
        self.passing = passing


class TokenSource:
    """A client's own access tokens (`client_credentials` by `private_key_jwt`), kept until shortly before they expire."""

    def __init__(self, http: Outbound, clock: Clock, ids: Ids, *, issuer: str, client_id: str, client_key: Secret) -> None:
        self._http = http
        self._clock = clock
        self._ids = ids
        self._issuer = issuer
        self._client_id = client_id
        self._key = JWKRegistry.import_key(json.loads(client_key.reveal()))
        self._kept: dict[tuple[str, str], tuple[str, datetime]] = {}

    def token(self, audience: str, scope: str) -> str:
        """Return an access token for one service.  Raises: CannotGetToken."""
        now = self._clock.now()
        kept = self._kept.get((audience, scope))
        if kept and kept[1] > now + timedelta(seconds=SKEW_SECONDS):
            return kept[0]
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "resource": audience,
            "client_id": self._client_id,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion(),
        }
        try:
            reply = self._http.request("POST", self._issuer + "/token", data=form, timeout_seconds=5)
            answer = reply.json()
        except OutboundError as error:
            raise CannotGetToken(str(error), passing=True) from None
        if reply.status != 200:
            raise CannotGetToken(f"the issuer answered {reply.status}", passing=reply.status >= 500 or reply.status == 429)
        token = str(answer["access_token"])
        self._kept[(audience, scope)] = (token, now + timedelta(seconds=int(answer.get("expires_in", 60))))
        return token

    def assertion(self) -> str:
        """Return a fresh client assertion for the issuer.  Spec: RFC 7523 §3."""
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._issuer,
            "jti": self._ids.token(16),
            "iat": now,
            "exp": now + 60,
        }
        header = {"alg": "ES256", "kid": self._key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._key, algorithms=["ES256"])
