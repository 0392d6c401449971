"""Personal values at rest: envelope encryption, blind indexes, erasure by destroying a data key.

A key-encryption key comes from the settings and wraps data keys, one a scope (`service:<id>`, `audit`), which stand wrapped
in the table `data_keys`.  Values are AES-256-GCM under the data key; the scope is authenticated with them.
Form of a value: 1 byte version (1) ‖ 12 bytes nonce ‖ ciphertext and tag.
Unwrapped keys are kept in memory; a process that does not hear of an erasure itself sees it in the table `data_key_erasures`.
"""

import base64
import hashlib
import hmac
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from psycopg.errors import UndefinedTable
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    create_engine,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from shared.clock import Clock
from shared.db import Database, UtcDateTime, shared_metadata

VERSION = b"\x01"
NONCE_BYTES = 12
KEYS_KEPT_MAX = 10_000
LOOK_AGAIN = timedelta(seconds=2)
"""How long a process may use the keys in its memory before it asks whether one was destroyed elsewhere."""

REWRAP_BATCH = 500
ROOT = "root"
"""The scope of the data key under which nothing is encrypted, and from which the keys of blind indexes and marks are derived."""

data_keys = Table(
    "data_keys",
    shared_metadata,
    Column("scope", String(200), primary_key=True),
    Column("kek_id", String(40), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
data_key_erasures = Table(
    "data_key_erasures",
    shared_metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("counted", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
"""How many data keys were destroyed so far: one row, none before the first."""


class CannotDecrypt(Exception):
    """The value was altered, or its key is gone (erased) or not ours."""


def sha256_hex(value: str) -> str:
    """Return the hex SHA-256 of a text: the form in which opaque secrets are kept."""
    return hashlib.sha256(value.encode()).hexdigest()


def constant_time_equal(one: str | bytes, other: str | bytes) -> bool:
    """Compare two secrets without telling where they differ."""
    left = one.encode() if isinstance(one, str) else one
    right = other.encode() if isinstance(other, str) else other
    return hmac.compare_digest(left, right)


def _seal(key: AESGCM, plain: bytes, scope: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + key.encrypt(nonce, plain, scope.encode())


def _open(key: AESGCM, sealed: bytes, scope: str) -> bytes:
    if sealed[:1] != VERSION:
        raise CannotDecrypt("unknown form")
    try:
        return key.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], scope.encode())
    except InvalidTag:
        raise CannotDecrypt("altered, or another key") from None


class KeyRing:
    """The key-encryption keys, newest first; the newest wraps, all unwrap.

    `announced` keys only unwrap: so a new key is known to every process before the first one wraps with it.
    """

    def __init__(self, keys: dict[str, bytes], announced: Mapping[str, bytes] | None = None) -> None:
        if not keys:
            raise ValueError("no key-encryption key")
        self._keys = keys
        self._known = {**(announced or {}), **keys}
        if any(len(key) != 32 for key in self._known.values()):
            raise ValueError("a key-encryption key has 32 bytes")
        self.newest = next(iter(keys))

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """Read `id:base64,id:base64`, newest first; `+id:base64` is announced.  Raises: ValueError, without the keys."""
        keys: dict[str, bytes] = {}
        announced: dict[str, bytes] = {}
        for part in text.split(","):
            name, colon, value = part.strip().partition(":")
            if not colon or not name:
                raise ValueError("a key is written id:base64")
            ring, name = (announced, name[1:]) if name.startswith("+") else (keys, name)
            try:
                ring[name] = base64.b64decode(value, validate=True)
            except ValueError:
                raise ValueError(f"key {name} is not base64") from None
        return cls(keys, announced)

    def wrap(self, data_key: bytes, scope: str) -> tuple[str, bytes]:
        """Return the id of the newest key and the data key sealed under it."""
        return self.newest, _seal(AESGCM(self._keys[self.newest]), data_key, scope)

    def unwrap(self, kek_id: str, wrapped: bytes, scope: str) -> bytes:
        """Return a data key.  Raises: CannotDecrypt."""
        if kek_id not in self._known:
            raise CannotDecrypt(f"key-encryption key {kek_id} is not in the ring")
        return _open(AESGCM(self._known[kek_id]), wrapped, scope)

    @property
    def oldest(self) -> bytes:
        """The key that was in the ring first."""
        return list(self._keys.values())[-1]


class DataKeys:
    """Encrypts and decrypts under the data key of a scope, which is made at first use and kept in memory.

    One data key more, the root, makes what must stay the same while encryption keys come and go: blind indexes and marks (ADR 0010).
    """

    def __init__(self, database: Database, ring: KeyRing, clock: Clock) -> None:
        # Connections of its own, opened for the moment: a key is first needed inside a business transaction, and with the
        # pool's connections all in such transactions each would wait for another.
        self._engine = create_engine(database.engine.url, poolclass=NullPool, connect_args={"connect_timeout": 5})
        self._ring = ring
        self._clock = clock
        self._cache: OrderedDict[str, AESGCM] = OrderedDict()
        self._erasures = 0
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._derived: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def encrypt(self, text: str, *, scope: str) -> bytes:
        """Return the text sealed under the scope's data key."""
        return _seal(self._key(scope, make=True), text.encode(), scope)

    def decrypt(self, sealed: bytes, *, scope: str) -> str:
        """Return the text.  Raises: CannotDecrypt when it was altered or the scope was erased."""
        return _open(self._key(scope, make=False), sealed, scope).decode()

    def blind_index(self, value: str, *, purpose: str) -> bytes:
        """Return a keyed hash by which equal values of one purpose are found without being readable."""
        return hmac.digest(self.derive("blind-index:" + purpose), value.encode(), "sha256")

    def derive(self, purpose: str) -> bytes:
        """Return the key for one purpose: 32 bytes, the same in every process and for as long as the database lasts."""
        found = self._derived.get(purpose)
        if found is None:
            root = self._read_or_make(ROOT, make=True)
            found = self._derived[purpose] = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(root)
        return found

    def erase(self, scope: str) -> int:
        """Destroy a scope's data key: what was sealed under it is gone for good, here at once, elsewhere after `LOOK_AGAIN`.

        Return how many there were: one or none.
        """
        one_more = insert(data_key_erasures).values(id=1, counted=1)
        with self._engine.begin() as connection:
            gone = connection.execute(delete(data_keys).where(data_keys.c.scope == scope)).rowcount
            connection.execute(one_more.on_conflict_do_update(index_elements=["id"], set_={"counted": data_key_erasures.c.counted + 1}))
        with self._lock:
            self._cache.pop(scope, None)
        return gone

    def rewrap(self) -> int:
        """Wrap every data key under the newest key-encryption key; return how many were old."""
        changed = 0
        self._read_or_make(ROOT, make=True)  # while the key is in the ring that it may be made from
        while batch := self._rewrap_some():
            changed += batch
        return changed

    def _rewrap_some(self) -> int:
        """Wrap a batch in a transaction of its own, so that an erasure meanwhile waits for a moment only."""
        stale = select(data_keys).where(data_keys.c.kek_id != self._ring.newest).limit(REWRAP_BATCH).with_for_update(skip_locked=True)
        with self._engine.begin() as connection:
            old = connection.execute(stale).all()
            for row in old:
                kek_id, wrapped = self._ring.wrap(self._ring.unwrap(row.kek_id, row.wrapped, row.scope), row.scope)
                connection.execute(update(data_keys).where(data_keys.c.scope == row.scope).values(kek_id=kek_id, wrapped=wrapped))
        return len(old)

    def count_by_key(self) -> dict[str, int]:
        """Return how many data keys stand under each key-encryption key: one that has none may leave the ring, but for the last."""
        counted = select(data_keys.c.kek_id, func.count()).group_by(data_keys.c.kek_id).order_by(data_keys.c.kek_id)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}

    def _key(self, scope: str, *, make: bool) -> AESGCM:
        self._heed_erasures()
        key = self._cache.get(scope)
        if key is None:
            erasures = self._erasures
            key = AESGCM(self._read_or_make(scope, make=make))
            with self._lock:
                if self._erasures == erasures:  # else it may have been destroyed since it was read: it serves this once
                    self._cache[scope] = key
                if len(self._cache) > KEYS_KEPT_MAX:
                    self._cache.popitem(last=False)
        return key

    def _heed_erasures(self) -> None:
        """Forget all keys where any process has destroyed one since the last look; those that are left are read again."""
        now = self._clock.now()
        if timedelta(0) <= now - self._looked_at < LOOK_AGAIN:  # a clock that was set back is not waited for
            return
        erasures = self._count_erasures()
        with self._lock:
            if erasures != self._erasures:
                self._cache.clear()
                self._erasures = erasures
            self._looked_at = now

    def _count_erasures(self) -> int:
        try:
            with self._engine.connect() as connection:
                return connection.execute(select(data_key_erasures.c.counted)).scalar_one_or_none() or 0
        except ProgrammingError as error:
            if isinstance(error.orig, UndefinedTable):
                return 0  # a database of before there was a count, as an older backup restores it
            raise

    def _read_or_make(self, scope: str, *, make: bool) -> bytes:
        # A transaction of its own: a data key outlives the business transaction that first needed it.
        with self._engine.begin() as connection:
            wanted = select(data_keys.c.kek_id, data_keys.c.wrapped).where(data_keys.c.scope == scope)
            found = connection.execute(wanted).one_or_none()
            if found is None and make:
                new = {scope: os.urandom(32), ROOT: self._first_root(connection)}
                rows = [self._row(name, key) for name, key in new.items()]
                connection.execute(insert(data_keys).values(rows).on_conflict_do_nothing())
                found = connection.execute(wanted).one()
            if found is None:
                raise CannotDecrypt("no such data key")
            return self._ring.unwrap(found.kek_id, found.wrapped, scope)

    def _first_root(self, connection: Connection) -> bytes:
        """Return what the root is where there is none yet: new in a new database, else what earlier releases derived from."""
        is_new = connection.execute(select(data_keys.c.scope).limit(1)).first() is None
        return os.urandom(32) if is_new else self._ring.oldest

    def _row(self, scope: str, key: bytes) -> dict[str, object]:
        kek_id, wrapped = self._ring.wrap(key, scope)
        return {"scope": scope, "kek_id": kek_id, "wrapped": wrapped, "created_at": self._clock.now()}
