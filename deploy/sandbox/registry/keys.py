"""The wallet's published keys: fetched in the background, so that an answer to the wallet does not wait for the wallet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
from joserfc.jwk import KeySet

KEEP = timedelta(minutes=5)
REFETCH = timedelta(seconds=2)
UNTIL_THERE_SECONDS = 0.5
ASK_SECONDS = 3.0


class KeysUnavailable(Exception):
    """The wallet could not be asked for its keys, and none are known."""


class PublishedKeys:
    """A JWK set behind a URL: kept fresh in the background, and fetched at once when a key is missing (not at every call)."""

    def __init__(self, url: str, *, client: httpx.Client, now: Callable[[], datetime]) -> None:
        self._url = url
        self._client = client
        self._now = now
        self._keys: KeySet | None = None
        self._fetched_at: datetime | None = None

    def __call__(self, refresh: bool) -> KeySet:
        """The keys; `refresh` asks for those published just now. Raises: KeysUnavailable."""
        age = self._now() - self._fetched_at if self._fetched_at else None
        if self._keys is None or (refresh and (age is None or age > REFETCH)):
            self._fetch()
        if self._keys is None:
            raise KeysUnavailable(self._url)
        return self._keys

    def keep_fresh(self, stop: threading.Event) -> None:
        """Fetch the keys as soon as the wallet is there, and again from time to time, until told to stop."""
        while not stop.is_set():
            self._fetch()
            stop.wait(UNTIL_THERE_SECONDS if self._keys is None else KEEP.total_seconds())

    def _fetch(self) -> None:
        """Fetch the keys; known ones serve while the wallet is away."""
        try:
            answer = self._client.get(self._url, timeout=ASK_SECONDS)
            answer.raise_for_status()
            self._keys = KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, ValueError):
            return
        self._fetched_at = self._now()
