"""Proof of possession of a key with each request.  Spec: RFC 9449; wallet contract §5.1, §5.2 row 6."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

TYP = "dpop+jwt"
ALGORITHM = "ES256"
AGE_SECONDS_MAX = 60
SKEW_SECONDS = 30
PROOF_CHARACTERS_MAX = 4096


class BadProof(Exception):
    """The proof does not show that the caller holds the key now, for this request."""


@dataclass(frozen=True)
class Proof:
    """A proof that holds: the thumbprint of the key, and the number by which a repeat is known."""

    thumbprint: str
    jti: str


def make_proof(key: ECKey, *, method: str, url: str, jti: str, now: int, token: str | None = None) -> str:
    """Return a proof for one request; `token` is the access or consent token that goes with it."""
    public = {name: value for name, value in key.as_dict(private=False).items() if name in {"kty", "crv", "x", "y"}}
    claims: dict[str, object] = {"jti": jti, "htm": method, "htu": _without_query(url), "iat": now}
    if token is not None:
        claims["ath"] = hash_of(token)
    header = {"typ": TYP, "alg": ALGORITHM, "jwk": public}
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, algorithms=[ALGORITHM])


def check_proof(proof: str, *, method: str, url: str, now: int, token: str | None = None) -> Proof:
    """Return what a proof shows.  Whether its `jti` came before is for the caller to know.  Raises: BadProof.  Spec: RFC 9449 §4.3."""
    if len(proof) > PROOF_CHARACTERS_MAX:
        raise BadProof("too long")
    try:
        header = jws.extract_compact(proof.encode()).headers()
        jwk = header.get("jwk")
        if header.get("typ") != TYP or header.get("alg") != ALGORITHM or not isinstance(jwk, dict) or "d" in jwk:
            raise BadProof("header")
        key = ECKey.import_key(jwk)
        claims: dict[str, Any] = json.loads(jws.deserialize_compact(proof, key, algorithms=[ALGORITHM]).payload)
    except (JoseError, ValueError, UnicodeError, TypeError, KeyError) as error:
        raise BadProof("not a proof") from error
    _check_claims(claims, method=method, url=url, now=now, token=token)
    return Proof(key.thumbprint(), claims["jti"])


def _check_claims(claims: Any, *, method: str, url: str, now: int, token: str | None) -> None:  # what the caller signed, of any shape
    if not isinstance(claims, dict) or not isinstance(claims.get("jti"), str) or not 8 <= len(claims["jti"]) <= 200:
        raise BadProof("jti")
    if claims.get("htm") != method or _without_query(str(claims.get("htu"))) != _without_query(url):
        raise BadProof("of another request")
    issued = claims.get("iat")
    if type(issued) is not int or not now - AGE_SECONDS_MAX <= issued <= now + SKEW_SECONDS:
        raise BadProof("of another time")
    if token is not None and claims.get("ath") != hash_of(token):
        raise BadProof("of another token")


def hash_of(token: str) -> str:
    """Return the `ath` of a token."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", "", ""))
