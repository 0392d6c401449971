"""Server-side web sessions: the cookie holds a random id and nothing else.

Lazy: the row is read when the session is first looked at; without a write there is no row and no cookie.  The data are
encrypted at rest, the id stands in the database as its SHA-256.  A session ends after a time without use and, used or not,
after its whole life; its id changes at sign-in and at each rise of level (`rotate`).
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy import delete, insert, select, update

from shared.context import Context
from shared.crypto import CannotDecrypt, sha256_hex
from shared.web.headers import FORGET
from shared.web.schema import web_sessions

IDLE_SECONDS = 30 * 60
LIFE_SECONDS = 12 * 3600
TOUCH_SECONDS = 60
ID_BYTES = 32
SCOPE = "web-sessions"


class WebSession(SessionMixin):
    """A visitor's session, read from the database when it is first looked at."""

    def __init__(self, context: Context, session_id: str | None) -> None:
        self._context = context
        self.session_id = session_id
        self.retired_id: str | None = None
        self.created_at: datetime | None = None
        self.expires_at: datetime | None = None
        self.login_hash: str | None = None
        self.modified = False
        self._values: dict[str, Any] | None = None  # JSON values, checked by who reads them

    @property
    def is_loaded(self) -> bool:
        """True once it was looked at."""
        return self._values is not None

    def _data(self) -> dict[str, Any]:
        if self._values is None:
            self._values = self._load() if self.session_id else {}
        return self._values

    def _load(self) -> dict[str, Any]:
        context, id_hash = self._context, sha256_hex(self.session_id or "")
        with context.db.reading() as connection:
            row = connection.execute(select(web_sessions).where(web_sessions.c.id_hash == id_hash)).one_or_none()
        if row is None or row.expires_at <= context.clock.now():
            self.session_id = None  # never take up an id that the visitor brought: a new one is made
            return {}
        self.created_at, self.expires_at, self.login_hash = row.created_at, row.expires_at, row.login_hash
        try:
            values: dict[str, Any] = json.loads(context.cipher.decrypt(row.data, scope=SCOPE))
        except CannotDecrypt:
            self.session_id = None
            return {}
        return values

    def rotate(self) -> None:
        """Change the id: what knew the old one knows nothing.  The whole life begins anew."""
        self._data()
        self.retired_id, self.session_id, self.created_at, self.modified = self.session_id or self.retired_id, None, None, True

    def end(self) -> None:
        """Forget everything, and the row."""
        self._data().clear()
        self.login_hash = None
        self.modified = True

    def __getitem__(self, key: str) -> Any:
        return self._data()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data()[key] = value
        self.modified = True

    def __delitem__(self, key: str) -> None:
        del self._data()[key]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._data())

    def __len__(self) -> int:
        return len(self._data())


class DatabaseSessions(SessionInterface):
    """Keeps the sessions of one app in the table `web_sessions`."""

    def __init__(self, context: Context, *, idle_seconds: int = IDLE_SECONDS, life_seconds: int = LIFE_SECONDS) -> None:
        self._context = context
        self._idle = timedelta(seconds=idle_seconds)
        self._life = timedelta(seconds=life_seconds)
        self._secure = context.settings.secure
        # Browsers share cookies between the ports of one host, so services side by side on localhost need names of their own.
        self.cookie = ("__Host-" if self._secure else "") + f"{context.service}-session"

    def open_session(self, app: Flask, request: Request) -> WebSession:
        """Take the id; nothing is read yet."""
        session_id = request.cookies.get(self.cookie, "")
        return WebSession(self._context, session_id if 40 <= len(session_id) <= 64 else None)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write what changed, or put off the end of one that was looked at."""
        assert isinstance(session, WebSession)  # noqa: S101 - the framework gives back what open_session returned
        if session.is_loaded:
            response.headers.add("Vary", "Cookie")
        if session.modified and len(session):
            self._write(session, response)
        elif session.modified:
            self._forget(session, response)
        elif session.is_loaded and session.session_id:
            self._touch(session)

    def _expiry(self, created_at: datetime) -> datetime:
        return min(self._context.clock.now() + self._idle, created_at + self._life)

    def _write(self, session: WebSession, response: Response) -> None:
        now = self._context.clock.now()
        is_new = session.session_id is None
        session_id = session.session_id = session.session_id or self._context.ids.token(ID_BYTES)
        created_at = session.created_at or now
        row = {
            "id_hash": sha256_hex(session_id),
            "data": self._context.cipher.encrypt(json.dumps(dict(session)), scope=SCOPE),
            "login_hash": session.login_hash,
            "created_at": created_at,
            "expires_at": self._expiry(created_at),
        }
        with self._context.db.begin() as connection:
            if session.retired_id:
                connection.execute(delete(web_sessions).where(web_sessions.c.id_hash == sha256_hex(session.retired_id)))
            if is_new:
                connection.execute(insert(web_sessions).values(row))
            else:  # a row that was ended meanwhile stays ended
                connection.execute(update(web_sessions).where(web_sessions.c.id_hash == row["id_hash"]).values(row))
        if is_new:
            response.set_cookie(self.cookie, session_id, secure=self._secure, httponly=True, samesite="Lax", path="/")

    def _forget(self, session: WebSession, response: Response) -> None:
        gone = [sha256_hex(known) for known in (session.session_id, session.retired_id) if known]
        if gone:
            with self._context.db.begin() as connection:
                connection.execute(delete(web_sessions).where(web_sessions.c.id_hash.in_(gone)))
            response.headers.update(FORGET)
            response.delete_cookie(self.cookie, secure=self._secure, httponly=True, samesite="Lax", path="/")

    def _touch(self, session: WebSession) -> None:
        assert session.created_at is not None  # noqa: S101 - a session with an id and a row has its times
        expires_at = self._expiry(session.created_at)
        if session.expires_at is not None and expires_at - session.expires_at < timedelta(seconds=TOUCH_SECONDS):
            return
        statement = update(web_sessions).where(web_sessions.c.id_hash == sha256_hex(session.session_id or "")).values(expires_at=expires_at)
        with self._context.db.begin() as connection:
            connection.execute(statement)


def end_sessions_of_login(context: Context, issuer_session: str) -> int:
    """End every session that began with one session at the issuer; return how many.  Spec: OIDC Back-Channel Logout §2.5."""
    with context.db.begin() as connection:
        return connection.execute(delete(web_sessions).where(web_sessions.c.login_hash == sha256_hex(issuer_session))).rowcount


def delete_expired_sessions(context: Context) -> int:
    """Delete the rows of sessions that are over; run by a periodic job."""
    with context.transaction() as tx:
        return tx.forget(delete(web_sessions).where(web_sessions.c.expires_at <= context.clock.now()))
