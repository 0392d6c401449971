"""`Idempotency-Key`: the same POST twice is done once, and answered twice with what the first one made.  Ours, beside the contract.

What is kept of the first answer may hold personal values, so it stands encrypted under the service's data key, for a day.
"""

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from notify.context import Notify
from notify.errors import MessageRefused
from notify.models.base import scope_of
from shared import idempotency

KEY_CHARACTERS_MAX = 255


@dataclass(frozen=True)
class Once:
    """One caller's key for one address, and a fingerprint of what was asked with it."""

    service_id: uuid.UUID
    address: str
    key: str
    fingerprint: str

    @classmethod
    def read(cls, service_id: uuid.UUID, address: str, key: str | None, body: bytes) -> "Once | None":
        """Read the header, None where there is none.  Raises: MessageRefused."""
        if key is None:
            return None
        if not 1 <= len(key) <= KEY_CHARACTERS_MAX or not key.isascii() or not key.isprintable():
            raise MessageRefused(f"Idempotency-Key must be 1 to {KEY_CHARACTERS_MAX} printable ASCII characters")
        return cls(service_id, address, key, hashlib.sha256(address.encode() + b"\0" + body).hexdigest())

    @property
    def _scope(self) -> str:
        return f"{self.service_id}:{self.address}"[:120]

    def find(self, notify: Notify) -> dict[str, Any] | None:  # what `claim` was given
        """Give what the first request kept, or None.  Raises: IdempotencyConflict."""
        with notify.reading() as tx:
            stored = idempotency.find(tx.connection, scope=self._scope, key=self.key, fingerprint=self.fingerprint)
        return self._open(notify, stored) if stored else None

    def claim(self, notify: Notify, connection: Connection, result: dict[str, Any]) -> dict[str, Any] | None:  # as above
        """Keep a result in the present transaction, or give what another request was faster to keep.  Raises: IdempotencyConflict."""
        sealed = notify.cipher.encrypt(json.dumps(result), scope=scope_of(self.service_id))
        stored = idempotency.claim(
            connection,
            scope=self._scope,
            key=self.key,
            fingerprint=self.fingerprint,
            result={"sealed": base64.b64encode(sealed).decode()},
            now=notify.clock.now(),
        )
        return self._open(notify, stored) if stored else None

    def _open(self, notify: Notify, stored: idempotency.Stored) -> dict[str, Any]:  # as above
        sealed = base64.b64decode(str(stored.result["sealed"]))
        kept: dict[str, Any] = json.loads(notify.cipher.decrypt(sealed, scope=scope_of(self.service_id)))
        return kept
