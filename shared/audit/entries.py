"""Entries: how a core is made, and how it is written in the business transaction."""

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.audit import merkle
from shared.audit.canonical import SALT_BYTES, canonical, commit, holds_nul
from shared.clock import Clock, rfc3339
from shared.ids import Ids
from shared.rows import Rows

VERSION = 1
SCOPE = "audit"
"""Scope of the data key under which side rows are encrypted; erasing it erases them all."""
SUBJECT_INDEX = "audit-subject"
"""Purpose of the blind index by which a person's entries are found."""

Data = Mapping[str, str | int | bool | list[str]]
_FILLED_IN = frozenset({"v", "entry_id", "occurred_at", "subject"})

_GIVEN = """given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:entries AS json)) AS row (entry_id uuid, occurred_at timestamptz, core text,
        leaf_hash bytea, salt bytea, subject bytea, subject_index bytea, extra bytea)
)"""
_ENTRY = """entry AS (
    INSERT INTO audit_entries (entry_id, occurred_at, core) SELECT entry_id, occurred_at, core FROM given
)"""
_SIDE = """side AS (
    INSERT INTO audit_sides (entry_id, salt, subject, subject_index, extra, received_at)
    SELECT entry_id, salt, subject, subject_index, extra, occurred_at FROM given WHERE salt IS NOT NULL
)"""
_PENDING = "INSERT INTO audit_pending (occurred_at, entry_id, leaf_hash) SELECT occurred_at, entry_id, leaf_hash FROM given"
ENTRIES = Rows("entries", _PENDING, (_GIVEN, _ENTRY, _SIDE))
"""Entries enter the log without a lock that another writer waits for."""


class Cipher(Protocol):
    """What the log asks of `shared.crypto.DataKeys`."""

    def encrypt(self, text: str, *, scope: str) -> bytes:
        """Return the text sealed."""
        ...

    def decrypt(self, sealed: bytes, *, scope: str) -> str:
        """Return the text.  Raises: CannotDecrypt."""
        ...

    def blind_index(self, value: str, *, purpose: str) -> bytes:
        """Return a keyed hash by which equal values are found."""
        ...


@dataclass(frozen=True)
class Concealed:
    """A personal value (`scheme:value`) that enters a core only as its commitment under the entry's salt."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class Entry:
    """One entry before it is written; `subject`, `salt` and `extra` go to the erasable side row.

    `action` and `outcome` stand in the core too; here they are for the metrics.
    """

    entry_id: uuid.UUID
    occurred_at: datetime
    core: str
    leaf_hash: bytes
    salt: bytes | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)
    extra: str | None = field(default=None, repr=False)
    action: str = "access"
    outcome: str = ""


def new_entry(
    clock: Clock,
    ids: Ids,
    *,
    action: StrEnum,
    outcome: str,
    actor: str,
    subject: str | None = None,
    on_behalf_of: str | None = None,
    object_id: str | None = None,
    purpose: str | None = None,
    channel: str = "api",
    request_id: str | None = None,
    journey_id: str | None = None,
    data: Data | None = None,
) -> Entry:
    """Return an entry in the general form; what is empty is left out of the core.

    `subject` is `scheme:value`; `actor`, `on_behalf_of` and `object_id` are opaque ids that may stand in the log for ever.
    Raises: ValueError when a clear RUN or U+0000 would enter the core, or a value is not of the types of `Data`.
    """
    optional = {
        "on_behalf_of": on_behalf_of,
        "object": object_id,
        "purpose": purpose,
        "request_id": request_id,
        "journey_id": journey_id,
        "data": _checked(data or {}),
    }
    core: dict[str, object] = {"action": str(action), "outcome": outcome, "actor": actor, "channel": channel}
    core |= {name: value for name, value in optional.items() if value}
    return _entry(clock, ids, core, subject, None)


def new_core_entry(
    clock: Clock, ids: Ids, *, core: Mapping[str, object], subject: str | None, extra: Mapping[str, object] | None = None
) -> Entry:
    """Return an access-log entry: the given fields as they are, with `v`, `entry_id`, `occurred_at` and the subject's commitment.

    None as the subject is an entry about many people, who are committed to in the core itself (`shared/audit/members.py`).

    A `Concealed` value anywhere in the core becomes a commitment under the same salt (`accessor.official`, `procedure.case`).
    `extra` is clear text for the erasable side row.  Raises: ValueError.  Spec: wallet-consent §10.1.
    """
    if taken := _FILLED_IN & core.keys():
        raise ValueError(f"filled in here: {', '.join(sorted(taken))}")
    return _entry(clock, ids, dict(core), subject, canonical(extra) if extra else None)


def rows_of(cipher: Cipher, entries: Sequence[Entry]) -> dict[Rows, str]:
    """Return entries as `shared.rows.write` takes them; nothing where there are none."""
    return {ENTRIES: json.dumps([_row(cipher, entry) for entry in entries])} if entries else {}


def _row(cipher: Cipher, entry: Entry) -> dict[str, str]:
    """Return an entry as the statement reads it; what is left out becomes NULL."""
    row = {"entry_id": str(entry.entry_id), "occurred_at": rfc3339(entry.occurred_at), "core": entry.core}
    row["leaf_hash"] = _bytea(entry.leaf_hash)
    if entry.salt is not None:
        row["salt"] = _bytea(entry.salt)
    if entry.subject is not None:
        row["subject"] = _bytea(cipher.encrypt(entry.subject, scope=SCOPE))
        row["subject_index"] = _bytea(cipher.blind_index(entry.subject, purpose=SUBJECT_INDEX))
    if entry.extra is not None:
        row["extra"] = _bytea(cipher.encrypt(entry.extra, scope=SCOPE))
    return row


def _bytea(value: bytes) -> str:
    return "\\x" + value.hex()


def _entry(clock: Clock, ids: Ids, core: dict[str, object], subject: str | None, extra: str | None) -> Entry:
    now = clock.now()
    occurred_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    entry_id = ids.uuid7()
    core |= {"v": VERSION, "entry_id": str(entry_id), "occurred_at": rfc3339(occurred_at)}
    if subject is not None:
        core["subject"] = Concealed(subject)
    is_salted = _holds_concealed(core)
    salt = new_salt(ids) if is_salted or extra else None
    text_form = canonical(_conceal(core, salt) if salt and is_salted else core)
    if '"cl-run:' in text_form:
        raise ValueError("a clear RUN may not enter the log; pass it as the subject, or Concealed")
    if holds_nul(text_form.encode()):
        raise ValueError("U+0000 may not enter the log: PostgreSQL could not read the core as JSON any more")
    leaf = merkle.leaf_hash(text_form.encode())
    said = {"action": str(core.get("action", "access")), "outcome": str(core.get("outcome", ""))}
    return Entry(entry_id, occurred_at, text_form, leaf, salt, subject, extra, **said)


def _holds_concealed(value: object) -> bool:
    return isinstance(value, Concealed) or (isinstance(value, dict) and any(_holds_concealed(inner) for inner in value.values()))


def _conceal(core: Mapping[str, object], salt: bytes) -> dict[str, object]:
    """Return the core with commitments in place of concealed values."""
    result: dict[str, object] = {}
    for name, value in core.items():
        if isinstance(value, Concealed):
            result[name] = commit(salt, value.text)
        else:
            result[name] = _conceal(value, salt) if isinstance(value, dict) else value
    return result


def _checked(data: Data) -> dict[str, object]:
    for name, value in data.items():
        items: list[object] = [*value] if isinstance(value, list) else [str(value) if isinstance(value, int) else value]
        if not all(isinstance(item, str) for item in items):
            raise ValueError(f"data.{name} is not a text, a whole number, a yes or no, or a list of texts")
    return dict(data)


def new_salt(ids: Ids) -> bytes:
    """Return a salt for commitments."""
    return base64.urlsafe_b64decode(ids.token(SALT_BYTES) + "==")


def open_side(cipher: Cipher, subject: bytes | None, extra: bytes | None) -> tuple[str | None, dict[str, object]]:
    """Return the clear subject and further values of a side row.  Raises: CannotDecrypt."""
    values = {} if extra is None else json.loads(cipher.decrypt(extra, scope=SCOPE))
    return None if subject is None else cipher.decrypt(subject, scope=SCOPE), values
