"""Witnessing: a service remembers what the others signed, so that none of them can quietly begin its log anew.

A checkpoint is kept only when it is signed by the other's key and continues the last one kept. What is kept is shown to
whoever asks, and the other's verification holds its log against it.  Spec: C2SP tlog-witness, in idea; RFC 9162 §2.1.4.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from shared.audit.checkpoint import BadCheckpoint, Checkpoint, Verifier
from shared.audit.merkle import verify_consistency
from shared.audit.tables import audit_witnessed
from shared.clock import Clock

LOCK = 0x77697473  # "wits": first half of the lock; the second is the origin's hash

FetchConsistency = Callable[[int, int], Sequence[bytes]]
"""(older size, newer size) → the proof's path, asked of the other service."""


class NotConsistent(Exception):
    """A service signed two logs of which neither is the beginning of the other: an alarm, not an error to repeat.

    `seen` and `shown` are the two notes, evidence against whoever holds the key.
    """

    def __init__(self, origin: str, reason: str, *, seen: str, shown: str) -> None:
        super().__init__(f"{origin}: {reason}")
        self.seen = seen
        self.shown = shown


def find_witnessed(connection: Connection, origin: str) -> str | None:
    """Return the largest checkpoint of another service that this one kept."""
    kept = audit_witnessed.c
    return connection.execute(select(kept.note).where(kept.origin == origin).order_by(kept.size.desc()).limit(1)).scalar()


def witness(connection: Connection, clock: Clock, note: str, *, verifier_key: str, fetch_consistency: FetchConsistency) -> Checkpoint:
    """Check another service's checkpoint against the last one kept, and keep it; return it.

    `fetch_consistency` is called only when both sizes are above zero and differ. An older checkpoint than the last is
    checked too, and not kept.  Raises: BadCheckpoint, NotConsistent, and what `fetch_consistency` raises.
    """
    verifier = Verifier.parse(verifier_key)
    shown = verifier.open(note)
    if shown.origin != verifier.name:
        raise BadCheckpoint("the checkpoint is of another log")
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock, hashtext(:origin))"), {"lock": LOCK, "origin": shown.origin})
    last_note = find_witnessed(connection, shown.origin)
    last = None if last_note is None else verifier.open(last_note)
    if last is not None and last_note is not None:
        _check(last, shown, fetch_consistency, seen_note=last_note, shown_note=note)
    if last is None or shown.size > last.size:
        row = {"origin": shown.origin, "size": shown.size, "note": note, "seen_at": clock.now()}
        connection.execute(insert(audit_witnessed).values(row).on_conflict_do_nothing())
    return shown


def _check(seen: Checkpoint, shown: Checkpoint, fetch: FetchConsistency, *, seen_note: str, shown_note: str) -> None:
    older, newer = sorted((seen, shown), key=lambda checkpoint: checkpoint.size)
    path = fetch(older.size, newer.size) if 0 < older.size < newer.size else ()
    if not verify_consistency(older.size, older.root, newer.size, newer.root, path):
        reason = f"its log of {newer.size} rows does not begin with its log of {older.size} rows"
        raise NotConsistent(shown.origin, reason, seen=seen_note, shown=shown_note)
