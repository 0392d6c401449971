"""DPoP proofs: who sends a token shows that it holds the token's key.  Pure; replay and nonces are the caller's matter.

Spec: RFC 9449 §4.2, §4.3, identity-oidc §2.14.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")
TYP = "dpop+jwt"
PAST_SECONDS, FUTURE_SECONDS = 60, 15
SIZE_MAX, JTI_LENGTH_MAX, NONCE_LENGTH_MAX = 8 * 1024, 256, 256
RSA_BITS = 2048
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_DEFAULT_PORTS = {"https": 443, "http": 80}


class InvalidProof(ValueError):
    """The proof is not one, or not for this call; the text is safe to tell its sender."""


@dataclass(frozen=True)
class Proof:
    """What an accepted proof says: the thumbprint of its key, and what makes it single."""

    jkt: str
    jti: str
    nonce: str | None
    uri: str
    expires_at: int

    @property
    def fingerprint(self) -> str:
        """The hash by which a second use is found: key, address and `jti` (DP-4)."""
        return hashlib.sha256(f"{self.jkt}|{self.uri}|{self.jti}".encode()).hexdigest()


def check_proof(text: str, *, method: str, uris: Collection[str], now: float, access_token: str | None = None) -> Proof:
    """Return a proof that is in order for a call: `uris` are the addresses under which it may have been made.

    With `access_token`, the proof must be for that very token (`ath`).  Raises: InvalidProof.
    """
    if len(text) > SIZE_MAX or not text.isascii() or text.count(".") != 2:
        raise InvalidProof("send exactly one DPoP header with a compact JWS")
    header = _part(text.split(".", 1)[0])
    key = _key(header)
    try:
        claims = jwt.decode(text, key, algorithms=[str(header["alg"])]).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        raise InvalidProof("the signature does not hold") from None
    uri = _check_call(claims, method, uris)
    _check_token(claims, access_token)
    jti, nonce = claims.get("jti"), claims.get("nonce")
    if not isinstance(jti, str) or not jti.isascii() or not 1 <= len(jti) <= JTI_LENGTH_MAX:
        raise InvalidProof("jti is missing")
    if nonce is not None and not (isinstance(nonce, str) and nonce.isascii() and len(nonce) <= NONCE_LENGTH_MAX):
        raise InvalidProof("nonce is not a text")
    return Proof(key.thumbprint(), jti, nonce, uri, _check_times(claims, now) + PAST_SECONDS)


def ath(access_token: str) -> str:
    """Return the hash of an access token as a proof carries it."""
    return base64.urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()).rstrip(b"=").decode()


def _part(text: str) -> dict[str, object]:
    try:
        value = json.loads(base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidProof("malformed") from None
    if not isinstance(value, dict):
        raise InvalidProof("malformed")
    return value


def _key(header: Mapping[str, object]) -> Key:
    """Return the public key of the header, which is what the proof is about.  Raises: InvalidProof."""
    if str(header.get("typ", "")).lower() != TYP:
        raise InvalidProof("typ must be dpop+jwt")
    alg, jwk = header.get("alg"), header.get("jwk")
    if alg not in ALGORITHMS:
        raise InvalidProof("alg is not taken")
    if {"crit", "b64", "zip"} & header.keys():
        raise InvalidProof("header member not taken")
    if not isinstance(jwk, dict) or _SECRET_MEMBERS & jwk.keys():
        raise InvalidProof("jwk must be a public key")
    try:
        key = import_key({name: value for name, value in jwk.items() if isinstance(value, str)})
    except (JoseError, ValueError, TypeError, KeyError):
        raise InvalidProof("jwk cannot be read") from None
    if not _fits(key, str(alg)):
        raise InvalidProof("jwk does not fit alg")
    return key


def _fits(key: Key, alg: str) -> bool:
    if isinstance(key, ECKey):
        return alg == "ES256" and key.curve_name == "P-256"
    if isinstance(key, RSAKey):
        return alg == "PS256" and key.public_key.key_size >= RSA_BITS
    return isinstance(key, OKPKey) and alg in {"EdDSA", "Ed25519"} and key.curve_name == "Ed25519"


def plain_uri(uri: str) -> str:
    """Return an address as proofs are compared: no query or fragment, host in small letters, no default port (DP-2).

    Raises: InvalidProof.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise InvalidProof("htu is not an address") from None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        raise InvalidProof("htu is not an address")
    shown = f"[{host}]" if ":" in host else host
    place = shown if port in {None, _DEFAULT_PORTS[scheme]} else f"{shown}:{port}"
    return f"{scheme}://{place}{parts.path or '/'}"


def _check_call(claims: Mapping[str, object], method: str, uris: Collection[str]) -> str:
    if claims.get("htm") != method:
        raise InvalidProof("htm is not the method of this call")
    htu = claims.get("htu")
    if not isinstance(htu, str):
        raise InvalidProof("htu is missing")
    uri = plain_uri(htu)
    if uri not in {plain_uri(each) for each in uris}:
        raise InvalidProof("htu is not the address of this call")
    return uri


def _check_token(claims: Mapping[str, object], access_token: str | None) -> None:
    if access_token is None:
        return
    given = claims.get("ath")
    if not isinstance(given, str) or not given.isascii() or not hmac.compare_digest(given, ath(access_token)):
        raise InvalidProof("ath is not the hash of the access token")


def _check_times(claims: Mapping[str, object], now: float) -> int:
    """Return when the proof was made (DP-3).  Raises: InvalidProof."""
    made = _time(claims, "iat")
    if made is None:
        raise InvalidProof("iat is missing")
    if not now - PAST_SECONDS <= made <= now + FUTURE_SECONDS:
        raise InvalidProof("iat is not now")
    expires, not_before = _time(claims, "exp"), _time(claims, "nbf")
    if (expires is not None and expires < now - FUTURE_SECONDS) or (not_before is not None and not_before > now + FUTURE_SECONDS):
        raise InvalidProof("the proof is not valid now")
    return int(made)


def _time(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise InvalidProof(f"{name} is not a time")
    return value
