"""The ID token.  Spec: OpenID Connect Core §2, identity-oidc §2.7."""

import base64
import hashlib


def at_hash(access_token: str) -> str:
    """Return the left half of the SHA-256 of an access token.  Spec: OpenID Connect Core §3.1.3.6."""
    return base64.urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()[:16]).rstrip(b"=").decode()


def id_token_claims(
    *,
    issuer: str,
    subject: str,
    client_id: str,
    issued_at: int,
    ttl_seconds: int,
    nonce: str | None,
    auth_time: int,
    acr: str,
    amr: tuple[str, ...],
    access_token: str,
) -> dict[str, object]:
    """Return the claims of an ID token; those asked for by scope are at user info, not here (ID-5)."""
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": subject,
        "aud": client_id,
        "iat": issued_at,
        "exp": issued_at + ttl_seconds,
        "auth_time": auth_time,
        "acr": acr,
        "amr": list(amr),
        "at_hash": at_hash(access_token),
    }
    return claims if nonce is None else {**claims, "nonce": nonce}
