"""A robot check without a puzzle: the browser computes for a second, or the person waits a little.  Spec: identity-oidc LK-4; DS 9/2023.

A ticket says when it was given and for what; it is spent once.  It counts when somebody found a number with which its hash
begins with `WORK_BITS` zero bits (a script does that unseen), or, for browsers without scripts, `WAIT_SECONDS` after it was
given: no picture, no sum, nothing to remember (WCAG 2.2, 3.3.8).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

WORK_BITS = 17
WAIT_SECONDS = 15
LIFE_SECONDS = 600
_MAC_BYTES = 16


@dataclass(frozen=True)
class Ticket:
    """A ticket as it was read: when it was given, and the name under which it is spent."""

    given_at: int
    nonce: str


def give(key: bytes, *, purpose: str, nonce: str, now: int) -> str:
    """Return a ticket for one purpose (an address and what it wants); `nonce` is random."""
    payload = f"{now}.{nonce}"
    return f"{payload}.{_mac(key, purpose, payload)}"


def read(key: bytes, text: str, *, purpose: str, now: int) -> Ticket | None:
    """Return a ticket of ours that is not too old, or None."""
    payload, _, mac = text.rpartition(".")
    given, _, nonce = payload.partition(".")
    if not nonce or not given.isascii() or not given.isdecimal() or len(text) > 200:
        return None
    if not hmac.compare_digest(mac.encode("ascii", "replace"), _mac(key, purpose, payload).encode()):
        return None
    return Ticket(int(given), nonce) if 0 <= now - int(given) <= LIFE_SECONDS else None


def is_earned(ticket: Ticket, text: str, *, work: str, now: int) -> bool:
    """Answer whether the work was done, or the time waited."""
    return now - ticket.given_at >= WAIT_SECONDS or is_worked(text, work)


def is_worked(text: str, work: str) -> bool:
    """Answer whether a number was found that fits the ticket."""
    if not work or len(work) > 20 or not work.isascii() or not work.isdecimal():
        return False
    digest = hashlib.sha256(f"{text}:{work}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - WORK_BITS) == 0


def _mac(key: bytes, purpose: str, payload: str) -> str:
    digest = hmac.new(key, f"{purpose}|{payload}".encode(), hashlib.sha256).digest()[:_MAC_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
