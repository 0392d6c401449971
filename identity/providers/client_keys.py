"""Public keys of clients that keep them at an address of their own (`jwks_uri`), fetched with care and kept a while.

One egress: https only, public addresses only, no redirects, 3 seconds, 256 KiB (CA-8).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from joserfc.jwk import Key

from identity.standards import jose
from shared.clock import Clock
from shared.http import Outbound, OutboundError

log = structlog.get_logger("identity.client_keys")
FRESH = timedelta(minutes=5)
STALE = timedelta(hours=24)
ASK_AGAIN = timedelta(seconds=60)
TIMEOUT_SECONDS, BYTES_MAX = 3.0, 256 * 1024
KEPT_MAX = 2_000


@dataclass
class _Kept:
    """What is known of one address."""

    keys: Mapping[str, Key] = field(default_factory=dict)
    encryption: Mapping[str, Key] = field(default_factory=dict)
    fetched_at: datetime | None = None
    asked_at: datetime | None = None


class RemoteClientKeys:
    """Finds keys by `jwks_uri`.  An unknown `kid` makes it ask again, each address at most once a minute (CA-7)."""

    def __init__(self, http: Outbound, clock: Clock, *, plain_http: bool = False) -> None:
        """`plain_http` is for the sandbox."""
        self._http = http
        self._clock = clock
        self._schemes = ("https://", "http://") if plain_http else ("https://",)
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def find(self, uri: str, kid: str | None) -> Mapping[str, Key]:
        """Return the signing keys of an address, with `kid` among them if it is there; nothing when they cannot be had."""
        return self._ask(uri, kid).keys

    def find_encryption(self, uri: str) -> Mapping[str, Key]:
        """Return the encryption keys of an address; nothing when they cannot be had."""
        return self._ask(uri, None).encryption

    def _ask(self, uri: str, kid: str | None) -> _Kept:
        with self._lock:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            kept = self._kept.setdefault(uri, _Kept())
            now = self._clock.now()
            known = kept.fetched_at is not None and now - kept.fetched_at < FRESH and (kid is None or kid in kept.keys)
            must_ask = not known and (kept.asked_at is None or now - kept.asked_at >= ASK_AGAIN)
            if must_ask:
                kept.asked_at = now
        if must_ask and (found := self._fetch(uri)) is not None:
            kept.keys, kept.encryption, kept.fetched_at = jose.read_jwks(found), jose.read_jwks(found, use="enc"), now
        if kept.fetched_at is None or now - kept.fetched_at > STALE:
            return _Kept()
        return kept

    def _fetch(self, uri: str) -> object:
        """Return the document of an address that has keys, or None."""
        if not uri.startswith(self._schemes):
            return None
        try:
            reply = self._http.request("GET", uri, timeout_seconds=TIMEOUT_SECONDS, max_bytes=BYTES_MAX)
            found = reply.json() if reply.status == HTTPStatus.OK else None
        except OutboundError as error:
            log.warning("client keys not fetched", error=type(error).__name__)
            return None
        return found if jose.read_jwks(found) or jose.read_jwks(found, use="enc") else None
