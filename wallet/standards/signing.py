"""Compact JWS by ES256 with a fixed `typ`.  Spec: RFC 7515, RFC 8725 §3.11."""

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

ALGORITHM = "ES256"
TOKEN_CHARACTERS_MAX = 16_384
FORBIDDEN_HEADERS = {"jwk", "jku", "x5u", "x5c", "crit"}


class BadSignature(Exception):
    """The text is not a JWS of the type asked for by a key we know."""


def new_key(kid: str) -> ECKey:
    """Make a P-256 key."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": ALGORITHM}, private=True)


def sign(payload: Mapping[str, object], *, key: ECKey, typ: str) -> str:
    """Return the compact JWS of a JSON payload."""
    header = {"alg": ALGORITHM, "typ": typ, "kid": key.kid}
    return jws.serialize_compact(header, json.dumps(payload, ensure_ascii=False).encode(), key, algorithms=[ALGORITHM])


def verify(token: str, *, keys: Mapping[str, ECKey], typ: str | None, characters_max: int = TOKEN_CHARACTERS_MAX) -> dict[str, Any]:
    """Return the payload of a JWS whose `typ` and `kid` are as asked; keys inside the header are never honoured.

    Raises: BadSignature.  Spec: wallet contract §5.2 rows 2 and 3.
    """
    if len(token) > characters_max:
        raise BadSignature("too long")
    try:
        header = jws.extract_compact(token.encode()).headers()
        if header.get("typ") != typ or header.get("alg") != ALGORITHM or FORBIDDEN_HEADERS & header.keys():
            raise BadSignature("header")
        key = keys.get(str(header.get("kid")))
        if key is None:
            raise BadSignature("unknown key")
        payload = json.loads(jws.deserialize_compact(token, key, algorithms=[ALGORITHM]).payload)
    except (JoseError, ValueError, UnicodeError) as error:
        raise BadSignature("not a signed token") from error
    if not isinstance(payload, dict):
        raise BadSignature("payload")
    return payload
