"""Logout tokens and session ids.  Spec: OpenID Connect Back-Channel Logout 1.0 §2.4, identity-oidc LO-7, §2.23."""

import base64
import hashlib
import hmac
from uuid import UUID

from identity.standards.pairwise import PairwiseKey

TYP = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFE_SECONDS = 120


def sid_of(key: PairwiseKey, session_id: UUID, sector: str) -> str:
    """Return a session's name in one sector: two sectors cannot tell by it that they share a session."""
    message = f"sid|{sector}|{session_id}".encode()
    return base64.urlsafe_b64encode(hmac.new(key.key, message, hashlib.sha256).digest()).rstrip(b"=").decode()


def logout_token_claims(*, issuer: str, client_id: str, subject: str, sid: str, jti: str, issued_at: int) -> dict[str, object]:
    """Return the claims of a logout token; it never has a nonce, so that it cannot pass for an ID token."""
    return {
        "iss": issuer,
        "aud": client_id,
        "sub": subject,
        "sid": sid,
        "iat": issued_at,
        "exp": issued_at + LIFE_SECONDS,
        "jti": jti,
        "events": {EVENT: {}},
    }
