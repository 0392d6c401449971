"""What left the suite, kept: one row a message, its attachments beside it.

The inbox stands for the outside world (mail boxes, telephones, a print works), so it has a small store of its own and no part
in the suite's database.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from shared.clock import Clock

LIMIT_MAX = 1000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL, recipient TEXT NOT NULL,
    recipient_key TEXT NOT NULL, sender TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, html TEXT NOT NULL,
    headers TEXT NOT NULL, received_at TEXT NOT NULL, key TEXT, UNIQUE (channel, key));
CREATE INDEX IF NOT EXISTS message_recipient ON message (recipient_key, seq);
CREATE TABLE IF NOT EXISTS attachment (
    message_id TEXT NOT NULL REFERENCES message (message_id) ON DELETE CASCADE, number INTEGER NOT NULL,
    filename TEXT NOT NULL, content_type TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (message_id, number));
"""
_COLUMNS = "message_id, channel, recipient, sender, subject, body, html, headers, received_at"


class Channel(StrEnum):
    """The ways out of the suite that end here."""

    EMAIL = "email"
    SMS = "sms"
    LETTER = "letter"
    MAILBOX = "mailbox"
    PUSH = "push"
    WEBHOOK = "webhook"


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that came with a message; `content` is empty where only its name is asked for."""

    filename: str
    content_type: str
    content: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A message as it came in; one with the `key` of an earlier one of its channel is a repeat."""

    channel: Channel
    to: str
    sender: str = ""
    subject: str = ""
    body: str = ""
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as it is kept; `received_at` is aware UTC.  A repeat was kept before and is kept once."""

    message_id: str
    channel: Channel
    to: str
    sender: str
    subject: str
    body: str
    html: str
    headers: Mapping[str, str]
    attachments: Sequence[Attachment]
    received_at: datetime
    is_repeat: bool = False


def recipient_key(text: str) -> str:
    """Two spellings of one address or telephone number give the same key."""
    folded = text.strip().casefold()
    digits = "".join(character for character in folded if character.isdigit())
    is_phone = len(digits) >= 8 and not any(character.isalpha() or character in "@/" for character in folded)
    return digits if is_phone else folded


class Messages:
    """The store: safe to use from many threads, one SQLite file."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # The messages of a sandbox are worth a fast inbox more than the last half second before a power cut.
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;" + _SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def add(self, arrival: Arrival) -> Message:
        """Keep a message, or find the one that this repeats; it is on disk when this returns."""
        message = Message(
            message_id=secrets.token_urlsafe(12),
            channel=arrival.channel,
            to=arrival.to,
            sender=arrival.sender,
            subject=arrival.subject,
            body=arrival.body,
            html=arrival.html,
            headers=dict(arrival.headers),
            attachments=tuple(arrival.attachments),
            received_at=self._clock.now(),
        )
        with self._writing() as connection:
            earlier = self._find_key(arrival)
            if earlier is not None:
                return replace(earlier, is_repeat=True)
            connection.execute(
                f"INSERT INTO message ({_COLUMNS}, recipient_key, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant columns
                (
                    message.message_id,
                    message.channel.value,
                    message.to,
                    message.sender,
                    message.subject,
                    message.body,
                    message.html,
                    json.dumps(dict(message.headers), ensure_ascii=False),
                    _text(message.received_at),
                    recipient_key(message.to),
                    arrival.key or None,
                ),
            )
            connection.executemany(
                "INSERT INTO attachment (message_id, number, filename, content_type, content) VALUES (?, ?, ?, ?, ?)",
                [
                    (message.message_id, number, attachment.filename, attachment.content_type, attachment.content)
                    for number, attachment in enumerate(message.attachments)
                ],
            )
        return message

    def find(self, *, channel: Channel | None = None, to: str = "", since: datetime | None = None, limit: int = LIMIT_MAX) -> list[Message]:
        """The messages asked for, newest first, at most `limit`; `since` keeps those received at that moment or later."""
        where, values = ["1 = 1"], list[str | int]()
        if channel is not None:
            where.append("channel = ?")
            values.append(channel.value)
        if to:
            where.append("recipient_key = ?")
            values.append(recipient_key(to))
        if since is not None:
            where.append("received_at >= ?")
            values.append(_text(since))
        query = f"SELECT {_COLUMNS} FROM message WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - constant parts
        with self._lock:
            rows = self._connection.execute(query, [*values, min(limit, LIMIT_MAX)]).fetchall()
            return [self._message(row) for row in rows]

    def get(self, message_id: str) -> Message | None:
        """One message, or None."""
        with self._lock:
            query = f"SELECT {_COLUMNS} FROM message WHERE message_id = ?"  # noqa: S608 - constant columns
            row = self._connection.execute(query, (message_id,)).fetchone()
            return None if row is None else self._message(row)

    def attachment(self, message_id: str, number: int) -> Attachment | None:
        """One attachment with its content."""
        with self._lock:
            row = self._connection.execute(
                "SELECT filename, content_type, content FROM attachment WHERE message_id = ? AND number = ?", (message_id, number)
            ).fetchone()
        return None if row is None else Attachment(filename=row[0], content_type=row[1], content=row[2])

    def clear(self) -> int:
        """Empty the inbox; how many messages went."""
        with self._writing() as connection:
            return connection.execute("DELETE FROM message").rowcount

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _find_key(self, arrival: Arrival) -> Message | None:
        if not arrival.key:
            return None
        query = f"SELECT {_COLUMNS} FROM message WHERE channel = ? AND key = ?"  # noqa: S608 - constant columns
        row = self._connection.execute(query, (arrival.channel.value, arrival.key)).fetchone()
        return None if row is None else self._message(row)

    def _message(self, row: tuple[str, ...]) -> Message:
        files = self._connection.execute(
            "SELECT filename, content_type FROM attachment WHERE message_id = ? ORDER BY number", (row[0],)
        ).fetchall()
        return Message(
            message_id=row[0],
            channel=Channel(row[1]),
            to=row[2],
            sender=row[3],
            subject=row[4],
            body=row[5],
            html=row[6],
            headers=json.loads(row[7]),
            attachments=tuple(Attachment(filename=name, content_type=kind) for name, kind in files),
            received_at=datetime.fromisoformat(row[8]),
        )


def _text(moment: datetime) -> str:
    """UTC with microseconds in a fixed width, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
