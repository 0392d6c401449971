"""The claims of a client assertion (`private_key_jwt`).  Spec: RFC 7523 §3, identity-oidc CA-4, CA-5."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from identity.errors import InvalidClient

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE_SECONDS_MAX = 300
SKEW_SECONDS = 10
FUTURE_SECONDS_MAX = 60
JTI_LENGTH_MAX = 256


@dataclass(frozen=True)
class Assertion:
    """What must be remembered of an accepted assertion: its `jti`, until `expires_at` (epoch seconds)."""

    jti: str
    expires_at: int


def _time(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise InvalidClient(f"{name} of the assertion is not a time")
    return value


def check_times(claims: Mapping[str, object], *, now: float) -> int:
    """Return `exp` of an assertion that is valid now.  Raises: InvalidClient."""
    expires, issued, not_before = _time(claims, "exp"), _time(claims, "iat"), _time(claims, "nbf")
    if expires is None:
        raise InvalidClient("exp of the assertion is missing")
    if expires <= now - SKEW_SECONDS:
        raise InvalidClient("the assertion has expired")
    if expires > now + LIFE_SECONDS_MAX + FUTURE_SECONDS_MAX:
        raise InvalidClient("exp of the assertion is too far ahead")
    for moment in (issued, not_before):
        if moment is not None and moment > now + FUTURE_SECONDS_MAX:
            raise InvalidClient("the assertion is from the future")
    return int(expires)


def check_audience(audience: object, *, accepted: Collection[str], one_string: bool) -> None:
    """Refuse an audience that is not ours; strict policies take the issuer as a single string only (CA-5).

    Raises: InvalidClient.
    """
    if isinstance(audience, str):
        named = [audience]
    elif isinstance(audience, list) and not one_string:
        named = [value for value in audience if isinstance(value, str)]
    else:
        raise InvalidClient("aud of the assertion must be the issuer as one string")
    if not set(named) & set(accepted):
        raise InvalidClient("aud of the assertion is not this server")


def check_assertion(claims: Mapping[str, object], *, client_id: str, accepted: Collection[str], one_string: bool, now: float) -> Assertion:
    """Check the claims of an assertion whose signature holds.  Raises: InvalidClient."""
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise InvalidClient("iss and sub of the assertion must be the client_id")
    check_audience(claims.get("aud"), accepted=accepted, one_string=one_string)
    expires = check_times(claims, now=now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti.isascii() or not 1 <= len(jti) <= JTI_LENGTH_MAX:
        raise InvalidClient("jti of the assertion is missing")
    return Assertion(jti, expires)
