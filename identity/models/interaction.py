"""Login interactions: an authorization request on its way through the pages (AZ-24).

```
received ─▶ started ─▶ identified ─▶ authenticated ─▶ finished
               └────────────────────────▲
any but the last ones ─▶ refused | expired
```
`received` waits for the browser to come back by GET; `started` belongs to one browser; `identified` has the first factor;
`authenticated` has all that is needed, and may wait for consent; it goes back when another person signs in meanwhile.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import HASH, Base
from shared.states import Table


class InteractionState(StrEnum):
    """How far a login has come."""

    RECEIVED = "received"
    STARTED = "started"
    IDENTIFIED = "identified"
    AUTHENTICATED = "authenticated"
    FINISHED = "finished"
    REFUSED = "refused"
    EXPIRED = "expired"


S = InteractionState
OPEN = (S.RECEIVED, S.STARTED, S.IDENTIFIED, S.AUTHENTICATED)
INTERACTION_STATES = Table(
    "login interaction",
    initial=frozenset({S.RECEIVED, S.STARTED}),
    moves={
        (S.RECEIVED, S.STARTED): Event.INTERACTION_STARTED,
        (S.STARTED, S.IDENTIFIED): Event.INTERACTION_IDENTIFIED,
        (S.STARTED, S.AUTHENTICATED): Event.INTERACTION_AUTHENTICATED,
        (S.IDENTIFIED, S.AUTHENTICATED): Event.INTERACTION_AUTHENTICATED,
        (S.AUTHENTICATED, S.IDENTIFIED): Event.INTERACTION_IDENTIFIED,
        (S.AUTHENTICATED, S.FINISHED): Event.INTERACTION_FINISHED,
        **{(state, S.REFUSED): Event.INTERACTION_REFUSED for state in OPEN},
        **{(state, S.EXPIRED): Event.INTERACTION_EXPIRED for state in OPEN},
    },
)


class Interaction(Base):
    """One request on its way; `browser_hash` is the cookie of the browser it belongs to."""

    __tablename__ = "interactions"

    id_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    browser_hash: Mapped[str | None] = mapped_column(HASH)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    request: Mapped[dict[str, object]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(15), default=S.RECEIVED)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("sso_sessions.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_interactions_session_id", "session_id", postgresql_where=text("session_id IS NOT NULL")),)


class LogoutRequest(Base):
    """A request to sign out on its way through the question (LO-5), or through a cross-site POST."""

    __tablename__ = "logout_requests"

    id_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    request: Mapped[dict[str, object]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
