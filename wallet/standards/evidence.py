"""Evidence of an exchange: proves what came from where, without the gate keeping it.  Spec: wallet contract §8.1."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from joserfc.jwk import ECKey

from wallet.standards import signing
from wallet.standards.canonical import Json, sha256_of

TYP = "exchange-evidence+jwt"


def evidence(
    *, issuer: str, txn: str, request: Json, response: Json, dataset_id: str, provider: str, as_of: str, issued_at: datetime, key: ECKey
) -> str:
    """Return a JWS over the hashes of what was asked and what was answered.

    `request` is the body as asked, `response` the `data` or `result` member as answered; the holder can recompute the hashes (RFC 8785).
    """
    payload = {
        "iss": issuer,
        "iat": int(issued_at.timestamp()),
        "txn": txn,
        "request_sha256": sha256_of(request),
        "response_sha256": sha256_of(response),
        "dataset_id": dataset_id,
        "source": provider,
        "as_of": as_of,
    }
    return signing.sign(payload, key=key, typ=TYP)


def verify_evidence(token: str, *, keys: Mapping[str, ECKey], request: Json, response: Json) -> dict[str, Any]:
    """Return the payload of an evidence that fits this request and this response.  Raises: signing.BadSignature."""
    payload = signing.verify(token, keys=keys, typ=TYP)
    if payload.get("request_sha256") != sha256_of(request) or payload.get("response_sha256") != sha256_of(response):
        raise signing.BadSignature("it is about something else")
    return payload
