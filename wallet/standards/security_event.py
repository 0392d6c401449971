"""Security Event Tokens about consents.  Spec: RFC 8417, RFC 8935, RFC 8936, RFC 9493; wallet contract §11."""

from collections.abc import Mapping

from joserfc.jwk import ECKey

from wallet.standards import signing

TYP = "secevent+jwt"
MEDIA_TYPE = "application/secevent+jwt"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
NAMES = (
    "consent-granted",
    "consent-changed",
    "consent-expiring",
    "agreement-changed",
    "delegation-ended",
    "erasure-requested",
)
PUSH_ERRORS = frozenset({"invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied"})
RETRY_SECONDS = (60, 300, 1800, 7200, 43_200, *(86_400,) * 6)
"""Waits after each failed push: within seven days in all, then the event is dead and its stream paused."""


def event_uri(issuer: str, name: str) -> str:
    """Return the URI of one of our events."""
    return f"{issuer}/events/{name}"


def supported(issuer: str) -> list[str]:
    """Return the URIs of all our events."""
    return [event_uri(issuer, name) for name in NAMES]


def about(
    identifier: str, event: str, members: Mapping[str, object], *, issuer: str, audience: str, jti: str, issued_at: int, txn: str
) -> dict[str, object]:
    """Return the claims of an event about an opaque thing of ours: no personal data, no `sub`, no `exp`, one event."""
    return {
        "iss": issuer,
        "aud": audience,
        "iat": issued_at,
        "jti": jti,
        "txn": txn,
        "sub_id": {"format": "opaque", "id": identifier},
        "events": {event: dict(members)},
    }


def sign_event(claims: Mapping[str, object], *, key: ECKey) -> str:
    """Return the signed event."""
    return signing.sign(claims, key=key, typ=TYP)
