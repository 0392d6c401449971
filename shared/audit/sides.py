"""The erasable side: finding a person's entries, and erasing what links them to her."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from shared.audit.canonical import parse_core
from shared.audit.entries import SUBJECT_INDEX, Cipher, open_side
from shared.audit.tables import audit_entries, audit_sequence, audit_sides

LIST_MAX = 100


@dataclass(frozen=True)
class Listed:
    """An entry as its subject may read it; `seq` is None for the second until it has its number."""

    entry_id: uuid.UUID
    occurred_at: datetime
    core: dict[str, object]
    extra: dict[str, object]
    seq: int | None


def list_entries(
    connection: Connection, cipher: Cipher, subject: str, *, before: uuid.UUID | None = None, limit: int = LIST_MAX
) -> list[Listed]:
    """Return a person's entries, newest first; `before` is the last entry id of the page before."""
    side, entry, place = audit_sides.c, audit_entries.c, audit_sequence.c
    tables = audit_sides.join(audit_entries, side.entry_id == entry.entry_id).outerjoin(audit_sequence, place.entry_id == entry.entry_id)
    query = (
        select(entry.entry_id, entry.occurred_at, entry.core, side.extra, place.seq)
        .select_from(tables)
        .where(side.subject_index == cipher.blind_index(subject, purpose=SUBJECT_INDEX))
        .order_by(side.entry_id.desc())
        .limit(min(limit, LIST_MAX))
    )
    if before is not None:
        query = query.where(side.entry_id < before)
    rows = connection.execute(query).all()
    return [Listed(row.entry_id, row.occurred_at, parse_core(row.core), open_side(cipher, None, row.extra)[1], row.seq) for row in rows]


def erase_sides(connection: Connection, *, received_before: datetime, limit: int = 10_000) -> int:
    """Erase the oldest side rows whose time is over; return how many.  Every proof stays valid.  Spec: wallet-consent §10.5."""
    side = audit_sides.c
    oldest = select(side.entry_id).where(side.received_at < received_before).order_by(side.received_at).limit(limit)
    return connection.execute(delete(audit_sides).where(side.entry_id.in_(oldest))).rowcount


def erase_subject(connection: Connection, cipher: Cipher, subject: str) -> int:
    """Erase every side row of a person: her entries can no longer be told from others; return how many."""
    index = cipher.blind_index(subject, purpose=SUBJECT_INDEX)
    return connection.execute(delete(audit_sides).where(audit_sides.c.subject_index == index)).rowcount
