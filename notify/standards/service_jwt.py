"""The token of the published clients: HS256 over `iss` (service) and `iat`, signed with an API key's secret.  Spec: notify-api §2."""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

SKEW_SECONDS = 30


class TokenUnreadable(ValueError):
    """The text is not a signed token at all."""


@dataclass(frozen=True)
class Token:
    """A token taken apart, its signature not yet checked."""

    signed: bytes
    signature: bytes
    algorithm: object
    claims: dict[str, object]

    def fits(self, secret: str) -> bool:
        """Tell whether the signature was made with this secret; compared in constant time."""
        return hmac.compare_digest(hmac.digest(secret.encode(), self.signed, hashlib.sha256), self.signature)

    @property
    def issued_at(self) -> float | None:
        """Give `iat`, None when absent.  Raises: TokenUnreadable when it is no number."""
        at = self.claims.get("iat")
        if at is None:
            return None
        return _seconds(at)

    def expired(self, now: float) -> bool:
        """Tell whether an `exp`, which no client sends but RFC 7519 gives a meaning, has passed.  Raises: TokenUnreadable."""
        ends = self.claims.get("exp")
        if ends is None:
            return False
        return now > _seconds(ends) + SKEW_SECONDS


def read(text: str) -> Token:
    """Take a token apart.  Raises: TokenUnreadable."""
    parts = text.split(".")
    if len(parts) != 3:
        raise TokenUnreadable("not three parts")
    header, claims = _object(parts[0]), _object(parts[1])
    return Token(f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2]), header.get("alg"), claims)


def in_time(token: Token, now: float) -> bool:
    """Tell whether the caller's clock agrees with ours; both edges count as agreeing."""
    at = token.issued_at
    return at is not None and abs(now - at) <= SKEW_SECONDS


def sign(service_id: str, secret: str, at: float) -> str:
    """Make a token, as a client does."""
    header = _encoded(json.dumps({"typ": "JWT", "alg": "HS256"}, separators=(",", ":")).encode())
    claims = _encoded(json.dumps({"iss": service_id, "iat": int(at)}, separators=(",", ":")).encode())
    signed = f"{header}.{claims}"
    return f"{signed}.{_encoded(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenUnreadable("not a number")
    try:
        return float(value)
    except OverflowError:
        raise TokenUnreadable("not a time") from None


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        raw = text.encode("ascii")
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise TokenUnreadable("not base64url") from None


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(_decoded(text))
    except (ValueError, RecursionError):
        raise TokenUnreadable("not JSON") from None
    if not isinstance(value, dict):
        raise TokenUnreadable("not an object")
    return value
