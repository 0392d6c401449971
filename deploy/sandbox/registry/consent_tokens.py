"""What a holder of data checks before it answers: a consent token of the wallet.  Spec: the wallet's contract §5.2.

Pure but for two things handed in: the wallet's published keys and the clock. Nothing here knows Flask.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

TYP = "consent+jwt"
ALGORITHM = "ES256"
SKEW_SECONDS = 30
LIFETIME_SECONDS_MAX = 300
DETAIL_TYPES = ("consent", "legal-access")
DETAIL_MEMBERS = frozenset(
    {"type", "identifier", "consent_version", "snapshot_sha256", "from", "to", "on_behalf_of", "locations", "actions", "datatypes"}
    | {"fields", "purpose", "legal_basis", "law_reference", "procedure", "agreement_id", "mode", "data_period", "uses_left"}
    | {"valid_until", "retention", "official"}
)


class Refusal(Exception):
    """A token that does not open this door; `code` and `status` are those of the contract's table."""

    def __init__(self, code: str, status: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What the caller wants: one person, one data set, some fields."""

    scheme: str
    person: str
    dataset_id: str
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What the token allows, after every check."""

    token_id: str
    client_id: str
    consent_id: str
    txn: str
    fields: tuple[str, ...]


class ConsentTokens:
    """Checks tokens of one wallet, addressed to one provider; remembers each until it has expired."""

    def __init__(self, *, issuer: str, audience: str, keys: Callable[[bool], KeySet], now: Callable[[], datetime]) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._now = now
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def check(self, authorization: str, ask: Ask) -> Grant:
        """Say what the token allows. Raises: Refusal at the first check that fails, in the contract's order."""
        claims = self._signed_claims(_token(authorization))
        self._check_addressing(claims)
        self._check_time(claims)
        token_id = _text(claims, "jti")
        self._spend(token_id, _number(claims, "exp"))
        detail = _detail(claims)
        _check_scope(detail, ask)
        return Grant(
            token_id=token_id,
            client_id=_text(claims, "client_id"),
            consent_id=str(detail.get("identifier", "")),
            txn=_text(claims, "txn"),
            fields=ask.fields,
        )

    def _signed_claims(self, token: str) -> Mapping[str, object]:
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError) as error:
            raise _invalid("The token cannot be read.") from error
        if header.get("typ") != TYP or header.get("alg") != ALGORITHM:
            raise _invalid(f"The token is not an {ALGORITHM} token of type {TYP}.")
        if any(member in header for member in ("jwk", "jku", "x5u", "x5c", "crit")):
            raise _invalid("The token names its own key.")
        key_id = header.get("kid")
        keys = self._keys(False)
        if not _has(keys, key_id):
            keys = self._keys(True)
        if not _has(keys, key_id):
            raise _invalid("The token is signed with a key the wallet has not published.")
        return _verify(token, keys)

    def _check_addressing(self, claims: Mapping[str, object]) -> None:
        if claims.get("iss") != self._issuer:
            raise _invalid("The token is of another issuer.")
        if claims.get("aud") != self._audience:
            raise _invalid("The token is for another provider.")

    def _check_time(self, claims: Mapping[str, object]) -> None:
        now, issued, expires = self._now().timestamp(), _number(claims, "iat"), _number(claims, "exp")
        if expires + SKEW_SECONDS <= now:
            raise _invalid("The token has expired.")
        if issued > now + SKEW_SECONDS or not 0 < expires - issued <= LIFETIME_SECONDS_MAX:
            raise _invalid("The token's times are not as agreed.")

    def _spend(self, token_id: str, expires: int) -> None:
        now = self._now().timestamp()
        with self._lock:
            self._used = {used: until for used, until in self._used.items() if until + SKEW_SECONDS > now}
            if token_id in self._used:
                raise Refusal("token_replayed", 401, "This token was used before.")
            self._used[token_id] = expires


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.casefold() not in {"bearer", "dpop"} or not token:
        raise Refusal("invalid_request", 401, "Send the consent token in the Authorization header.")
    return token.strip()


def _has(keys: KeySet, key_id: object) -> bool:
    return isinstance(key_id, str) and any(key.kid == key_id for key in keys.keys)


def _verify(token: str, keys: KeySet) -> Mapping[str, object]:
    try:
        payload = json.loads(jws.deserialize_compact(token, keys, algorithms=[ALGORITHM]).payload)
    except (JoseError, ValueError) as error:
        raise _invalid("The token's signature is not the wallet's.") from error
    if not isinstance(payload, dict):
        raise _invalid("The token holds no claims.")
    return payload


def _detail(claims: Mapping[str, object]) -> Mapping[str, object]:
    details = claims.get("authorization_details")
    if not isinstance(details, list) or len(details) != 1 or not isinstance(details[0], dict):
        raise _bad_details("The token must hold exactly one authorization detail.")
    detail: Mapping[str, object] = details[0]
    if str(detail.get("type", "")).rpartition(":")[2] not in DETAIL_TYPES:
        raise _bad_details("The authorization detail is of an unknown type.")
    if not DETAIL_MEMBERS.issuperset(detail):
        raise _bad_details("The authorization detail has a member this provider does not know.")
    return detail


def _check_scope(detail: Mapping[str, object], ask: Ask) -> None:
    if ask.dataset_id not in _list(detail, "datatypes") or "read" not in _list(detail, "actions"):
        raise Refusal("scope_exceeded", 403, "The token does not cover this data set.")
    if not ask.fields or not set(ask.fields) <= set(_list(detail, "fields")):
        raise Refusal("scope_exceeded", 403, "The token does not cover every field asked for.")
    if detail.get("from") != {"scheme": ask.scheme, "value": ask.person}:
        raise Refusal("subject_mismatch", 403, "The token is about another person.")


def _invalid(detail: str) -> Refusal:
    return Refusal("invalid_token", 401, detail)


def _bad_details(detail: str) -> Refusal:
    return Refusal("invalid_authorization_details", 403, detail)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"The token has no {name}.")
    return value


def _number(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid(f"The token has no {name}.")
    return value


def _list(detail: Mapping[str, object], name: str) -> list[object]:
    value = detail.get(name)
    return value if isinstance(value, list) else []
