"""Signing keys: published before they sign, and after (KY-1).

```
pending ──activated──▶ active ──retired──▶ retired ──removed──▶ removed
   └──────────────────withdrawn────────────────────────────────────┘
any ──revoked──▶ revoked
```
The very first key of an algorithm starts active: nobody has cached anything yet.  A key that was stolen is revoked: it leaves the
JWKS, which names it from then on, and nothing that it signed counts any more, whatever its age.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import Base
from shared.states import Table


class KeyState(StrEnum):
    """Where a key is in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRED = "retired"
    REMOVED = "removed"
    REVOKED = "revoked"


KEY_STATES: Table[KeyState, Event] = Table(
    "signing key",
    initial=frozenset({KeyState.PENDING, KeyState.ACTIVE}),
    moves={
        (KeyState.PENDING, KeyState.ACTIVE): Event.KEY_ACTIVATED,
        (KeyState.PENDING, KeyState.REMOVED): Event.KEY_REMOVED,
        (KeyState.ACTIVE, KeyState.RETIRED): Event.KEY_RETIRED,
        (KeyState.RETIRED, KeyState.REMOVED): Event.KEY_REMOVED,
        **{(state, KeyState.REVOKED): Event.KEY_REVOKED for state in KeyState if state is not KeyState.REVOKED},
    },
)


class SigningKey(Base):
    """One key pair: `kid` is the RFC 7638 thumbprint, the private half is sealed under `signing-keys`."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(String(43), primary_key=True)
    alg: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), default=KeyState.PENDING)
    private_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    public_jwk: Mapped[dict[str, object]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        # The last guard: never two keys that sign with the same algorithm, and never two that wait.
        Index("uq_signing_keys_active", "alg", unique=True, postgresql_where=text("state = 'active'")),
        Index("uq_signing_keys_pending", "alg", unique=True, postgresql_where=text("state = 'pending'")),
    )
