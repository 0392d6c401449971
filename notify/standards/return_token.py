"""What an e-mail carries so that reports about it name their message and prove which relay had it.

It stands in the envelope's sender (`bounces+<token>@…`, RFC 5321 §4.5.3.1.1 leaves 64 characters before the @) and in a header of its
own, for reports that only give the headers back.  Base 32 in small letters: systems on the way may change the case of an address.
"""

import base64
import hmac
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

HEADER = "X-Notification-Return"
TOKEN_CHARACTERS = 42
LOCAL_PART_MAX = 64
_PROOF_BYTES = 10
_PADDING = "=" * 6
_TOKEN = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{TOKEN_CHARACTERS}}}(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class ReturnToken:
    """A token that came back: which message it names, and its proof, which is to be checked."""

    notification_id: uuid.UUID
    proof: bytes

    def relay_among(self, key: bytes, relays: Iterable[str]) -> str | None:
        """Give the relay that the token was made for, None for a token that we made for none of these."""
        return next((relay for relay in relays if hmac.compare_digest(self.proof, _proof(key, self.notification_id, relay))), None)


def make_token(key: bytes, notification_id: uuid.UUID, relay: str) -> str:
    """Give the token of one message at one relay."""
    raw = notification_id.bytes + _proof(key, notification_id, relay)
    return base64.b32encode(raw).decode().rstrip("=").lower()


def find_token(text: str) -> ReturnToken | None:
    """Give the first token within a text, of whichever case."""
    found = _TOKEN.search(text)
    if found is None:
        return None
    raw = base64.b32decode(found[0].upper() + _PADDING)
    return ReturnToken(uuid.UUID(bytes=raw[:16]), raw[16:])


def with_token(address: str, token: str) -> str:
    """Put a token into an address, after a plus sign; without one the address stays as it is."""
    local, at, domain = address.rpartition("@")
    return f"{local}+{token}@{domain}" if at and token else address


def _proof(key: bytes, notification_id: uuid.UUID, relay: str) -> bytes:
    return hmac.digest(key, notification_id.bytes + relay.encode(), "sha256")[:_PROOF_BYTES]
