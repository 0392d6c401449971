"""Sign-on sessions: find, begin, raise, end (§3.9)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
from identity.standards.acr import LEVELS, acr_of, decayed
from shared.crypto import sha256_hex
from shared.transaction import Transaction

SESSIONS = table_of(SsoSession)
TOUCH_AFTER = timedelta(seconds=60)
KIOSK_TTL = timedelta(minutes=10)
KIOSK_IDLE = timedelta(minutes=2)


@dataclass(frozen=True)
class Origin:
    """Where a browser is: its address for the limits, and words for people; `kiosk` is a device that many share."""

    address: str = ""
    device: str = ""
    place: str = ""
    kiosk: bool = False


@dataclass(frozen=True)
class Session:
    """A sign-on that lasts: who, when, and how; `acr` is what is left of the level by now."""

    id: UUID
    person_id: UUID
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    kiosk: bool = False


def find_session(identity: Identity, connection: Connection, token: str | None) -> Session | None:
    """Return the session of a cookie, if it has not ended, been idle too long, or lost its person (UI-7)."""
    if not token:
        return None
    now = identity.clock.now()
    idle_since = now - timedelta(seconds=identity.settings.session_idle_seconds)
    query = select(SESSIONS).join(PERSONS, PERSONS.c.id == SESSIONS.c.person_id)
    query = query.where(SESSIONS.c.token_hash == sha256_hex(token), SESSIONS.c.ended_at.is_(None), SESSIONS.c.expires_at > now)
    row = connection.execute(query.where(SESSIONS.c.last_seen_at > idle_since, PERSONS.c.state == PersonState.ACTIVE)).one_or_none()
    if row is None or (row.kiosk and now - row.last_seen_at > KIOSK_IDLE):
        return None
    acr = decayed(row.acr, row.level_at or row.auth_time, now)
    return Session(row.id, row.person_id, row.auth_time, acr, tuple(row.amr), row.kiosk)


def touch_session(identity: Identity, tx: Transaction, session: Session) -> None:
    """Note that a session was used, at most once a minute."""
    now = identity.clock.now()
    tx.connection.execute(
        update(SESSIONS).where(SESSIONS.c.id == session.id, SESSIONS.c.last_seen_at < now - TOUCH_AFTER).values(last_seen_at=now)
    )


def begin_session(
    identity: Identity, tx: Transaction, person_id: UUID, amr: tuple[str, ...], *, before: Session | None, origin: Origin
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
        "level_at": now,
        "device": origin.device,
        "place": origin.place,
        "kiosk": origin.kiosk,
        "created_at": now,
        "last_seen_at": now,
        "expires_at": now + (KIOSK_TTL if origin.kiosk else timedelta(seconds=identity.settings.session_ttl_seconds)),
    }
    tx.connection.execute(SESSIONS.insert().values(row))
    return Session(session_id, person_id, now, acr_of(amr), amr, origin.kiosk), token


def _begin_again(identity: Identity, tx: Transaction, session: Session, amr: tuple[str, ...]) -> tuple[Session, str]:
    """Give a session a new token, time and level: its person has signed in again (AZ-11)."""
    now, token = identity.clock.now(), identity.ids.token(32)
    values = {
        "token_hash": sha256_hex(token),
        "auth_time": now,
        "acr": acr_of(amr),
        "amr": list(amr),
        "level_at": now,
        "last_seen_at": now,
        "expires_at": now + (KIOSK_TTL if session.kiosk else timedelta(seconds=identity.settings.session_ttl_seconds)),
    }
    tx.connection.execute(update(SESSIONS).where(SESSIONS.c.id == session.id).values(values))
    return Session(session.id, session.person_id, now, acr_of(amr), amr, session.kiosk), token


def raise_session(identity: Identity, tx: Transaction, session: Session, methods: Iterable[str]) -> tuple[Session, str]:
    """Add methods to a session; its token changes with its level (LO-12), which counts from now on."""
    now, token = identity.clock.now(), identity.ids.token(32)
    known = [method for method in session.amr if method == "pwd"]  # what else was used before may have decayed
    acr = max(session.acr, acr_of((*known, *methods)), key=LEVELS.index)
    amr = tuple(dict.fromkeys((*session.amr, *methods)))
    values = {"token_hash": sha256_hex(token), "acr": acr, "amr": list(amr), "last_seen_at": now, "level_at": now}
    tx.connection.execute(update(SESSIONS).where(SESSIONS.c.id == session.id).values(values))
    return replace(session, acr=acr, amr=amr), token


def renew_token(identity: Identity, tx: Transaction, session_id: UUID) -> str:
    """Give a session a new token: for the browser that sent one form twice and saw only the second answer."""
    token = identity.ids.token(32)
    tx.connection.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(token_hash=sha256_hex(token)))
    return token


def end_session(identity: Identity, tx: Transaction, session: Session) -> None:
    """End a session: its clients are told, and what it carried is revoked (LO-8…LO-10)."""
    end_by_id(identity, tx, session.person_id, session.id)


def end_by_id(identity: Identity, tx: Transaction, person_id: UUID, session_id: UUID) -> None:
    """End a session of a person, wherever it is open."""
    ended = tx.connection.execute(
        update(SESSIONS).where(SESSIONS.c.id == session_id, SESSIONS.c.ended_at.is_(None)).values(ended_at=identity.clock.now())
    )
    if ended.rowcount:
        logout_notices.announce_end(identity, tx, session_id)
        tx.record(Event.SESSION_ENDED, actor=f"person:{person_id}", object_id=str(session_id), channel="web")


def end_sessions_of(identity: Identity, tx: Transaction, person_id: UUID) -> int:
    """End every session of a person, after recovery, suspension or death; return how many (LO-9)."""
    query = select(SESSIONS.c.id).where(SESSIONS.c.person_id == person_id, SESSIONS.c.ended_at.is_(None)).with_for_update()
    ids = tx.connection.execute(query).scalars().all()
    for session_id in ids:
        end_by_id(identity, tx, person_id, session_id)
    return len(ids)
