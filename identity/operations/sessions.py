"""Sign-on sessions: find, begin, raise, end (§3.9)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, select, update

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.finders import PERSONS
from identity.models.person import PersonState
from identity.models.sso_session import SsoSession
from identity.operations import logout_notices
from identity.standards.acr import acr_of
from shared.context import Transaction
from shared.crypto import sha256_hex

SESSIONS = table_of(SsoSession)
TOUCH_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Session:
    """A sign-on that lasts: who, when, and how."""

    id: UUID
    person_id: UUID
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]


def find_session(identity: Identity, connection: Connection, token: str | None) -> Session | None:
    """Return the session of a cookie, if it has not ended, been idle too long, or lost its person (UI-7)."""
    if not token:
        return None
    now = identity.clock.now()
    idle_since = now - timedelta(seconds=identity.settings.session_idle_seconds)
    query = select(SESSIONS).join(PERSONS, PERSONS.c.id == SESSIONS.c.person_id)
    query = query.where(SESSIONS.c.token_hash == sha256_hex(token), SESSIONS.c.ended_at.is_(None), SESSIONS.c.expires_at > now)
    row = connection.execute(query.where(SESSIONS.c.last_seen_at > idle_since, PERSONS.c.state == PersonState.ACTIVE)).one_or_none()
    if row is None:
        return None
    return Session(row.id, row.person_id, row.auth_time, row.acr, tuple(row.amr))


def touch_session(identity: Identity, tx: Transaction, session: Session) -> None:
    """Note that a session was used, at most once a minute."""
    now = identity.clock.now()
    tx.connection.execute(
        update(SESSIONS).where(SESSIONS.c.id == session.id, SESSIONS.c.last_seen_at < now - TOUCH_AFTER).values(last_seen_at=now)
    )


def begin_session(
    identity: Identity, tx: Transaction, person_id: UUID, amr: tuple[str, ...], *, before: Session | None
) -> tuple[Session, str]:
    """Begin a session and return it with the token for its cookie.

    The same person goes on with the session they have, so that its clients still hear of its end; somebody else's in this browser ends.
    """
    if before is not None and before.person_id == person_id:
        return _begin_again(identity, tx, before, amr)
    now, token, session_id = identity.clock.now(), identity.ids.token(32), identity.ids.uuid4()
    if before is not None:
        end_session(identity, tx, before)
    row = {
        "id": session_id,
        "token_hash": sha256_hex(token),
        "person_id": person_id,
        "auth_time": now,
        "acr": acr_of(amr),
        "amr": list(amr),
        "created_at": now,
        "last_seen_at": now,
        "expires_at": now + timedelta(seconds=identity.settings.session_ttl_seconds),
    }
    tx.connection.execute(SESSIONS.insert().values(row))
    return Session(session_id, person_id, now, acr_of(amr), amr), token


def _begin_again(identity: Identity, tx: Transaction, session: Session, amr: tuple[str, ...]) -> tuple[Session, str]:
    """Give a session a new token, time and level: its person has signed in again (AZ-11)."""
    now, token = identity.clock.now(), identity.ids.token(32)
    values = {
        "token_hash": sha256_hex(token),
        "auth_time": now,
        "acr": acr_of(amr),
        "amr": list(amr),
        "last_seen_at": now,
        "expires_at": now + timedelta(seconds=identity.settings.session_ttl_seconds),
    }
    tx.connection.execute(update(SESSIONS).where(SESSIONS.c.id == session.id).values(values))
    return Session(session.id, session.person_id, now, acr_of(amr), amr), token


def raise_session(identity: Identity, tx: Transaction, session: Session, method: str) -> tuple[Session, str]:
    """Add a method to a session; its token changes with its level (LO-12)."""
    now, token = identity.clock.now(), identity.ids.token(32)
    amr = tuple(dict.fromkeys((*session.amr, method)))
    values = {"token_hash": sha256_hex(token), "acr": acr_of(amr), "amr": list(amr), "last_seen_at": now}
    tx.connection.execute(update(SESSIONS).where(SESSIONS.c.id == session.id).values(values))
    return Session(session.id, session.person_id, session.auth_time, acr_of(amr), amr), token


def renew_token(identity: Identity, tx: Transaction, session_id: UUID) -> str:
    """Give a session a new token: for the browser that sent one form twice and saw only the second answer."""
    token = identity.ids.token(32)
    tx.connection.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(token_hash=sha256_hex(token)))
    return token


def end_session(identity: Identity, tx: Transaction, session: Session) -> None:
    """End a session: its clients are told, and what it carried is revoked (LO-8…LO-10)."""
    ended = tx.connection.execute(
        update(SESSIONS).where(SESSIONS.c.id == session.id, SESSIONS.c.ended_at.is_(None)).values(ended_at=identity.clock.now())
    )
    if ended.rowcount:
        logout_notices.announce_end(identity, tx, session.id, session.person_id)
        tx.record(Event.SESSION_ENDED, actor=f"person:{session.person_id}", object_id=str(session.id), channel="web")


def end_sessions_of(identity: Identity, tx: Transaction, person_id: UUID) -> int:
    """End every session of a person, after recovery, suspension or death; return how many (LO-9)."""
    query = select(SESSIONS).where(SESSIONS.c.person_id == person_id, SESSIONS.c.ended_at.is_(None)).with_for_update()
    rows = tx.connection.execute(query).all()
    for row in rows:
        end_session(identity, tx, Session(row.id, row.person_id, row.auth_time, row.acr, tuple(row.amr)))
    return len(rows)
