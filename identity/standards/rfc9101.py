"""Signed authorization requests (JAR).  Spec: RFC 9101, FAPI 2.0 Message Signing, identity-oidc §2.13."""

import json
from collections.abc import Mapping

from identity.errors import InvalidRequestObject

TYPES = ("oauth-authz-req+jwt", "jwt", "")
LIFE_SECONDS_MAX = 3_600
SKEW_SECONDS = 10
FUTURE_SECONDS_MAX = 60
OUTSIDE_ONLY = ("request", "request_uri")


def check_claims(claims: Mapping[str, object], *, client_id: str, issuer: str, now: float, needs_not_before: bool) -> None:
    """Refuse a request object that is not this client's, not for us, or not of now.  Raises: InvalidRequestObject."""
    if claims.get("iss") != client_id or claims.get("client_id") != client_id:
        raise InvalidRequestObject("iss and client_id of the request object must be the client")
    if "sub" in claims and claims["sub"] == client_id:
        raise InvalidRequestObject("a request object with the client as sub could be used as an assertion")
    audience = claims.get("aud")
    if issuer not in (audience if isinstance(audience, list) else [audience]):
        raise InvalidRequestObject("aud of the request object is not this server")
    if any(name in claims for name in OUTSIDE_ONLY):
        raise InvalidRequestObject("a request object holds no other request")
    _check_times(claims, now, needs_not_before=needs_not_before)


def _check_times(claims: Mapping[str, object], now: float, *, needs_not_before: bool) -> None:
    expires, not_before = _time(claims, "exp"), _time(claims, "nbf")
    if expires is None or (needs_not_before and not_before is None):
        raise InvalidRequestObject("exp and nbf of the request object are needed")
    begins = now if not_before is None else not_before
    if expires <= now - SKEW_SECONDS:
        raise InvalidRequestObject("the request object has expired")
    if expires - begins > LIFE_SECONDS_MAX:
        raise InvalidRequestObject("the request object lives too long")
    if begins > now + FUTURE_SECONDS_MAX or begins < now - LIFE_SECONDS_MAX:
        raise InvalidRequestObject("nbf of the request object is not now")


def _time(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise InvalidRequestObject(f"{name} of the request object is not a time")
    return value


def parameters_of(claims: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the parameters that a request object holds; JSON values become their text.  Raises: InvalidRequestObject."""
    pairs: list[tuple[str, str]] = []
    for name, value in claims.items():
        if name in {"iss", "aud", "exp", "nbf", "iat", "jti", "sub"}:
            continue
        values = value if isinstance(value, list) and name == "resource" else [value]
        pairs.extend((name, _text(each)) for each in values if each is not None)
    try:
        readable = not any("\x00" in value for _, value in pairs)
        "".join(value for _, value in pairs).encode()
    except UnicodeEncodeError:
        readable = False
    if not readable:
        raise InvalidRequestObject("the request object cannot be read")
    return pairs


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
