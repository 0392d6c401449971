"""Signing keys as one process keeps them: parsed once, asked of the database again every second or two."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import Key, import_key
from sqlalchemy import Connection, Row, select

from identity.models.base import table_of
from identity.models.signing_key import KeyState, SigningKey
from identity.standards import jose
from shared.context import Context

SEALED_UNDER = "signing-keys"
PUBLISHED = (KeyState.PENDING, KeyState.ACTIVE, KeyState.RETIRED)
KEYS = table_of(SigningKey)


@dataclass(frozen=True)
class StoredKey:
    """One key pair; `key` has the private half."""

    kid: str
    alg: str
    state: KeyState
    key: Key
    public_jwk: dict[str, object]
    created_at: datetime
    revoked_at: datetime | None = None


class NoSigningKey(Exception):
    """There is no active key of that algorithm: `andamio identity keys rotate` makes one."""


class KeyStore:
    """Finds keys to sign and verify with.  Private halves are opened once a process."""

    def __init__(self, context: Context, *, cache_ttl: timedelta) -> None:
        self._context = context
        self._ttl = cache_ttl
        self._parsed: dict[str, Key] = {}
        self._all: tuple[StoredKey, ...] = ()
        self._read_at: datetime | None = None

    def signer(self, alg: str, connection: Connection | None = None) -> StoredKey:
        """Return the key that signs; who has a transaction open gives its connection.  Raises: NoSigningKey.

        A key that was made a moment ago, in an emergency, waits until every process publishes it: until then the one before signs on,
        or a client that asks another process for the keys would not find it (KY-4).
        """
        mine = [stored for stored in self._current(connection) if stored.alg == alg]
        known_everywhere = self._context.clock.now() - 2 * self._ttl
        for state, since in ((KeyState.ACTIVE, known_everywhere), (KeyState.RETIRED, known_everywhere), (KeyState.ACTIVE, None)):
            for stored in mine:
                if stored.state is state and (since is None or stored.created_at <= since):
                    return stored
        raise NoSigningKey(alg)

    def published(self) -> list[StoredKey]:
        """Return the keys of the JWKS: waiting, signing, and lately replaced."""
        return [stored for stored in self._current() if stored.state in PUBLISHED]

    def revoked(self) -> list[StoredKey]:
        """Return the keys that nobody is to trust any more (KY-4)."""
        return [stored for stored in self._current() if stored.state is KeyState.REVOKED]

    def verifier(self, header: jose.Header) -> Key | None:
        """Return the key a token of ours says it was signed with; removed keys still verify hints (KY-1), revoked ones nothing."""
        for stored in self._current():
            if stored.kid == header.kid and stored.alg == header.alg and stored.state is not KeyState.REVOKED:
                return stored.key
        return None

    def signed_by_trusted(self, token: str, connection: Connection) -> bool:
        """Answer whether a JWT of ours, found by its hash, names a key that was not revoked."""
        self.prepare(connection)
        return self.verifier(jose.read_header(token)) is not None

    def prepare(self, connection: Connection) -> None:
        """Read what is due to be read on the connection of a transaction that is open."""
        self._current(connection)

    def forget(self) -> None:
        """Ask the database at the next use."""
        self._read_at = None

    def _current(self, connection: Connection | None = None) -> Sequence[StoredKey]:
        # No lock: two threads may both read, which is harmless; waiting for one another with a transaction open is not.
        now = self._context.clock.now()
        if self._read_at is None or now - self._read_at >= self._ttl:
            if connection is not None:
                self._all = self._read(connection)
            else:
                with self._context.db.reading() as own:
                    self._all = self._read(own)
            self._read_at = now
        return self._all

    def _read(self, connection: Connection) -> tuple[StoredKey, ...]:
        rows = connection.execute(select(KEYS).order_by(KEYS.c.created_at.desc())).all()
        return tuple(self._open(row) for row in rows)

    def _open(self, row: Row[Any]) -> StoredKey:
        if row.kid not in self._parsed:
            self._parsed[row.kid] = import_key(json.loads(self._context.cipher.decrypt(row.private_sealed, scope=SEALED_UNDER)))
        return StoredKey(row.kid, row.alg, KeyState(row.state), self._parsed[row.kid], row.public_jwk, row.created_at, row.revoked_at)
