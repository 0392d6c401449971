"""Recovery of an account whose person lost the password (§3.7).

```
started ─▶ proved ─▶ done
             └─▶ waiting ─▶ done
any but done ─▶ cancelled
```
`waiting` has weak proofs only: a day passes, all contacts are told, and each notice can stop it.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import HASH, TEXTS, Base
from shared.states import Table


class RecoveryState(StrEnum):
    """How far a recovery has come."""

    STARTED = "started"
    PROVED = "proved"
    WAITING = "waiting"
    DONE = "done"
    CANCELLED = "cancelled"


S = RecoveryState
RECOVERY_STATES = Table(
    "recovery",
    initial=frozenset({S.STARTED}),
    moves={
        (S.STARTED, S.PROVED): Event.RECOVERY_PROVED,
        (S.STARTED, S.WAITING): Event.RECOVERY_WAITS,
        (S.WAITING, S.PROVED): Event.RECOVERY_PROVED,
        (S.PROVED, S.DONE): Event.RECOVERY_DONE,
        (S.WAITING, S.DONE): Event.RECOVERY_DONE,
        **{(state, S.CANCELLED): Event.RECOVERY_CANCELLED for state in (S.STARTED, S.PROVED, S.WAITING)},
    },
)


class Recovery(Base):
    """One recovery; `person_id` is empty for a RUN nobody has, which walks the same pages and never gets anywhere."""

    __tablename__ = "recoveries"

    id_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    cancel_hash: Mapped[str] = mapped_column(HASH, unique=True)
    state: Mapped[str] = mapped_column(String(10))
    proofs: Mapped[list[str]] = mapped_column(TEXTS)
    ready_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
