"""The context of a service: what one process holds."""

import base64
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from urllib.parse import urlsplit

import structlog
from flask import current_app
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from shared.audit.checkpoint import Signer
from shared.auth import Keys, RemoteKeys, TokenSource, TokenVerifier
from shared.clock import Clock, SystemClock
from shared.crypto import DataKeys, KeyRing
from shared.db import Database
from shared.http import Outbound
from shared.ids import Ids, SystemIds
from shared.redis_address import redis_client
from shared.s3 import BucketAway
from shared.settings import ServiceSettings
from shared.transaction import Transaction

log = structlog.get_logger("andamio.context")
WAKE_KEY = "andamio:wake:"
REDIS_AWAY_SECONDS = 2.0


@dataclass
class Context:
    """What one process of a service holds; services add their providers."""

    settings: ServiceSettings
    service: str
    clock: Clock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=SystemIds)
    _redis_away_until: float = field(default=0.0, init=False, repr=False)

    @cached_property
    def db(self) -> Database:
        """The service's own database."""
        return Database(
            self.settings.database_url.reveal(),
            pool_size=self.settings.database_pool_size,
            statement_timeout_ms=self.settings.statement_timeout_ms,
            is_pooled=self.settings.database_pooled,
        )

    @cached_property
    def replica(self) -> Database:
        """What lists and reports are read from: a streaming replica where the settings name one, else the database itself."""
        url = self.settings.read_database_url.reveal()
        if not url:
            return self.db
        return Database(
            url,
            pool_size=self.settings.database_pool_size,
            statement_timeout_ms=self.settings.statement_timeout_ms,
            is_pooled=self.settings.database_pooled,
        )

    @cached_property
    def redis(self) -> "Redis":
        """Limits, caches, wake-up calls and mostly the queue: nothing that must not be lost."""
        return redis_client(self.settings.redis_url.reveal())

    @cached_property
    def keyring(self) -> KeyRing:
        """The key-encryption keys."""
        return KeyRing.parse(self.settings.encryption_keys.reveal())

    @cached_property
    def cipher(self) -> DataKeys:
        """Encrypts personal values, a data key a scope."""
        return DataKeys(self.db, self.keyring, self.clock)

    @property
    def form_key(self) -> bytes:
        """What the marks of forms are made with."""
        return self.cipher.derive("csrf")

    @cached_property
    def http(self) -> Outbound:
        """Calls to others, guarded."""
        return Outbound(
            private_hosts=self.settings.outbound_private_hosts,
            user_agent=f"andamio-{self.service}",
            authorities=self.settings.outbound_authorities,
        )

    @cached_property
    def tokens(self) -> TokenSource:
        """Access tokens of this service itself, for calls to others."""
        return TokenSource(
            self.http,
            self.clock,
            self.ids,
            issuer=self.settings.issuer,
            client_id=self.settings.client_id,
            client_key=self.settings.client_key,
        )

    @cached_property
    def token_verifier(self) -> TokenVerifier:
        """Checks access tokens addressed to this service."""
        return TokenVerifier(self.issuer_keys, self.clock, issuer=self.settings.issuer, audience=self.settings.public_url)

    @cached_property
    def issuer_keys(self) -> Keys:
        """The issuer's public keys; identity, being the issuer, gives its own."""
        return RemoteKeys(self.http, self.clock, self.db, issuer=self.settings.issuer)

    @cached_property
    def audit_signer(self) -> Signer:
        """Signs the checkpoints of this service's audit log."""
        origin = urlsplit(self.settings.public_url).netloc + "/log"
        seeds = [base64.b64decode(seed) for seed in self.settings.audit_seed.reveal().split(",")]
        return Signer(seeds[0], origin, beside=[Signer(seed, origin) for seed in seeds[1:]])

    @property
    def audit_keys(self) -> tuple[str, ...]:
        """Verifier keys that checkpoints of this service's log are or were signed with, the present one first."""
        signer = self.audit_signer
        return (signer.verifier_key, *(str(each.verifier) for each in signer.beside), *self.settings.audit_retired_keys)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open one business transaction: all of it is committed, or nothing.  The relay is woken when it left jobs."""
        with ExitStack() as stack:
            tx = Transaction(self, lambda: stack.enter_context(self.db.begin()))
            yield tx
            tx.flush()
        tx.count()
        if tx.wakes:
            self.wake_relay()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Read what is committed; nothing is written, no audit and no outbox row either."""
        with self.db.reading() as connection:
            yield Transaction(self, lambda: connection)

    @contextmanager
    def listing(self) -> Iterator[Transaction]:
        """Read for a list or report, which may be a moment behind; from the database itself while the replica is away."""
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self.replica.reading())
                if self.replica is not self.db:
                    connection.execute(text("select 1"))  # one that was kept may have died with the replica
            except OperationalError:
                if self.replica is self.db:
                    raise
                log.warning("replica away")
                connection = stack.enter_context(self.db.reading())
            yield Transaction(self, lambda: connection)

    def wake_relay(self) -> None:
        """Tell the relay that there is work; it finds it by itself, a little later, when this fails."""
        if time.monotonic() < self._redis_away_until:
            return
        key = WAKE_KEY + self.service
        try:
            with self.redis.pipeline(transaction=False) as pipe:
                pipe.lpush(key, b"1")
                pipe.ltrim(key, 0, 0)
                pipe.execute()
        except RedisError as error:
            self._redis_away_until = time.monotonic() + REDIS_AWAY_SECONDS
            log.warning("relay not woken", error=type(error).__name__)

    def close(self) -> None:
        """Give connections back."""
        if "db" in self.__dict__:
            self.db.dispose()
        if "replica" in self.__dict__:
            self.replica.dispose()
        if "redis" in self.__dict__:
            self.redis.close()


C = TypeVar("C", bound=Context)


def current_as(kind: type[C]) -> C:
    """Return the context of the app that answers the present request."""
    context = current_app.extensions["andamio"].context
    if not isinstance(context, kind):
        raise TypeError(f"this app has a {type(context).__name__}")
    return context


def is_engine_away(error: Exception) -> bool:
    """True for errors that say that PostgreSQL, Redis or the store of files is not there just now."""
    return isinstance(error, OperationalError | RedisError | BucketAway)
