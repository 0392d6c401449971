"""Signed calls to a service.  Spec: Standard Webhooks 1.0 (webhook-id, webhook-timestamp, webhook-signature; secret `whsec_…`)."""

import base64
import hashlib
import hmac

PREFIX = "whsec_"


def signed_headers(secret: str, event_id: str, at: int, body: bytes) -> dict[str, str]:
    """Give the three headers of a call; `at` is in seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    made = hmac.digest(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256)
    return {"webhook-id": event_id, "webhook-timestamp": str(at), "webhook-signature": "v1," + base64.b64encode(made).decode()}
