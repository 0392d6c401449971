"""JWT access tokens.  Spec: RFC 9068, identity-oidc §2.16."""

from collections.abc import Iterable

TYP = "at+jwt"


def access_token_claims(
    *, issuer: str, audience: str, subject: str, client_id: str, scopes: Iterable[str], issued_at: int, ttl_seconds: int, jti: str
) -> dict[str, object]:
    """Return the claims of an access token; personal data stay out.  `audience` is the resource, never the client."""
    return {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "client_id": client_id,
        "scope": " ".join(scopes),
        "iat": issued_at,
        "exp": issued_at + ttl_seconds,
        "jti": jti,
    }


def person_claims(*, auth_time: int, acr: str, amr: Iterable[str]) -> dict[str, object]:
    """Return the claims to add when a person is involved.  Spec: RFC 9068 §2.2.1."""
    return {"auth_time": auth_time, "acr": acr, "amr": list(amr)}
