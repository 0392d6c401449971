"""The registry as it was a moment ago: what each request asks of it changes rarely, and is judged once more before a release.

Rows are kept for `WALLET_REGISTRY_CACHE_SECONDS`.  What is over meanwhile is found at the outcome, where the agreement and the
consent are read afresh (`exchange._judge_again`); a body, a dataset or a purpose that ends is let through for at most that long.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from wallet.context import Wallet
from wallet.models.agreement import Agreement, agreements_between
from wallet.models.base import Base
from wallet.models.dataset import Dataset, find_dataset
from wallet.models.organisation import Client, Organisation, find_client
from wallet.models.purpose import Purpose, find_purpose

T = TypeVar("T")
KEPT_MAX = 10_000


class Known:
    """Finders over one session that ask the database only for what was not asked just before; rows are for reading."""

    def __init__(self, wallet: Wallet, session: Session) -> None:
        self._wallet, self._session = wallet, session

    def dataset(self, dataset_id: str) -> Dataset | None:
        """Return the active version of a dataset."""
        return self._kept(("dataset", dataset_id), lambda: find_dataset(self._session, dataset_id))

    def purpose(self, purpose_id: str) -> Purpose | None:
        """Return the active version of a purpose."""
        return self._kept(("purpose", purpose_id), lambda: find_purpose(self._session, purpose_id))

    def agreements(self, consumer: str, provider: str) -> list[Agreement]:
        """Return every agreement of two bodies."""
        return self._kept(("agreements", consumer, provider), lambda: agreements_between(self._session, consumer, provider))

    def client(self, client_id: str) -> tuple[Client, Organisation] | None:
        """Return a client and its active organisation."""
        return self._kept(("client", client_id), lambda: find_client(self._session, client_id))

    def _kept(self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        cache, now = self._wallet.registry_cache, self._wallet.clock.now()
        found = cache.get(key)
        if found is not None and found[1] > now:
            value: T = found[0]
            return value
        value = read()
        for row in value if isinstance(value, list | tuple) else [value]:
            if isinstance(row, Base) and row in self._session:
                self._session.expunge(row)  # it outlives the session, and is never written
        if len(cache) >= KEPT_MAX:
            cache.clear()
        cache[key] = (value, now + timedelta(seconds=self._wallet.settings.registry_cache_seconds))
        return value
