"""Rows for the wallet's log in bulk, by COPY: as the sequencer would have left them, so that `audit verify` passes over them."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import text

from shared.audit.entries import SCOPE, SUBJECT_INDEX, Entry, new_core_entry
from shared.audit.sequencer import LOCK
from shared.audit.store import read_frontier, read_head
from wallet.context import Wallet

CHUNK = 20_000
ENTRIES = "COPY audit_entries (entry_id, occurred_at, core) FROM STDIN"
SIDES = "COPY audit_sides (entry_id, salt, subject, subject_index, received_at) FROM STDIN"
SEQUENCE = "COPY audit_sequence (seq, entry_id, leaf_hash, row_hash) FROM STDIN"
NODES = "COPY audit_nodes (level, index, hash) FROM STDIN"


def fill(wallet: Wallet, subjects: Sequence[str], cores: Iterator[dict[str, object]]) -> list[uuid.UUID]:
    """Append one row for each subject; return the first id of each chunk."""
    firsts: list[uuid.UUID] = []
    for start in range(0, len(subjects), CHUNK):
        part = subjects[start : start + CHUNK]
        entries = [new_core_entry(wallet.clock, wallet.ids, core=next(cores), subject=subject) for subject in part]
        firsts.append(entries[0].entry_id)
        _append(wallet, entries)
    return firsts


def _append(wallet: Wallet, entries: Sequence[Entry]) -> None:
    with wallet.db.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        head = read_head(connection)
        tree, row_hash = read_frontier(connection, head.size), head.row_hash
        order, nodes = [], []
        for number, entry in enumerate(entries, start=head.size + 1):
            row_hash = sha256(row_hash + entry.core.encode()).digest()
            order.append((number, entry.entry_id, entry.leaf_hash, row_hash))
            nodes += [(node.level, node.place, value) for node, value in tree.append(entry.leaf_hash)]
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a service's own statements are short; these are not
        sides = [_side(wallet, one) for one in entries]
        with connection.connection.driver_connection.cursor() as cursor:  # type: ignore[union-attr]  # psycopg is there
            _copy(cursor, ENTRIES, ((one.entry_id, one.occurred_at, one.core) for one in entries))
            _copy(cursor, SIDES, sides)
            _copy(cursor, SEQUENCE, order)
            _copy(cursor, NODES, nodes)


def _side(wallet: Wallet, entry: Entry) -> tuple[object, ...]:
    subject = entry.subject or ""
    sealed = wallet.cipher.encrypt(subject, scope=SCOPE)
    index = wallet.cipher.blind_index(subject, purpose=SUBJECT_INDEX)
    return entry.entry_id, entry.salt, sealed, index, entry.occurred_at


def _copy(cursor: Any, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
    with cursor.copy(statement) as copy:  # psycopg's own cursor: SQLAlchemy knows no COPY
        for row in rows:
            copy.write_row(row)
