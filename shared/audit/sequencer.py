"""The sequencer: gives entries their place in the log, after they were committed.

Writers never wait for one another: an entry is written with a row in `audit_pending`, and one sequencer at a time (an advisory
lock) takes those rows away in order. A queue table rather than an anti-join of entries with the sequence, because it costs the
same with ten rows in the log as with a hundred million; rather than a column on the entry, because entries do not change.

The leaf hash was computed by the writer and travels with the pending row. So an entry that is altered in the database before
it gets its number no longer fits its own leaf, and verification names it.
"""

from datetime import timedelta
from hashlib import sha256

from sqlalchemy import Connection, insert, select, text

from shared.audit.checkpoint import Signer
from shared.audit.store import LogDamaged, read_frontier, read_head
from shared.audit.tables import audit_checkpoints
from shared.clock import Clock

LOCK = 0x616E6461  # "anda": the sequencer's advisory lock
BATCH = 1_000

_TAKE = text("""
WITH batch AS MATERIALIZED (
    SELECT pending.occurred_at, pending.entry_id, pending.leaf_hash, entry.core
    FROM (SELECT * FROM audit_pending ORDER BY occurred_at, entry_id LIMIT :limit) AS pending
    JOIN audit_entries AS entry USING (entry_id)
),
taken AS (
    DELETE FROM audit_pending USING batch
    WHERE audit_pending.occurred_at = batch.occurred_at AND audit_pending.entry_id = batch.entry_id
)
SELECT entry_id, leaf_hash, core FROM batch ORDER BY occurred_at, entry_id
""")

_APPEND = text("""
WITH node AS (
    INSERT INTO audit_nodes (level, index, hash)
    SELECT * FROM unnest(CAST(:level AS smallint[]), CAST(:index AS bigint[]), CAST(:hash AS bytea[]))
)
INSERT INTO audit_sequence (seq, entry_id, leaf_hash, row_hash)
SELECT * FROM unnest(CAST(:seq AS bigint[]), CAST(:entry_id AS uuid[]), CAST(:leaf_hash AS bytea[]), CAST(:row_hash AS bytea[]))
""")


def sequence_pending(connection: Connection, *, limit: int = BATCH) -> int:
    """Give up to `limit` waiting entries their numbers, in the caller's transaction; return how many.

    Waits for another sequencer to commit. The connection is at READ COMMITTED, so that it then sees what the other wrote.
    Raises: NodeMissing when the stored tree is damaged; nothing is appended to such a log.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    batch = connection.execute(_TAKE, {"limit": limit}).all()
    if not batch:
        return 0
    head = read_head(connection)
    tree = read_frontier(connection, head.size)
    row_hash, row_hashes, closed = head.row_hash, [], []
    for row in batch:
        row_hash = sha256(row_hash + row.core.encode()).digest()
        row_hashes.append(row_hash)
        closed.extend(tree.append(row.leaf_hash))
    rows = {
        "seq": list(range(head.size + 1, tree.size + 1)),
        "entry_id": [row.entry_id for row in batch],
        "leaf_hash": [row.leaf_hash for row in batch],
        "row_hash": row_hashes,
        "level": [node.level for node, _ in closed],
        "index": [node.place for node, _ in closed],
        "hash": [value for _, value in closed],
    }
    connection.execute(_APPEND, rows)
    return len(batch)


def sign_checkpoint(
    connection: Connection, signer: Signer, clock: Clock, *, every_seconds: int = 60, every_entries: int = BATCH
) -> str | None:
    """Sign the tree if it grew by `every_entries`, or at all and the last signature is `every_seconds` old; return the note.

    Raises: LogDamaged when the tree no longer begins with the tree of the last checkpoint: two such trees are never both signed.
    Spec: wallet-consent §10.2.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    columns = audit_checkpoints.c
    last = connection.execute(select(columns.size, columns.root, columns.signed_at).order_by(columns.size.desc()).limit(1)).one_or_none()
    size, now = read_head(connection).size, clock.now()
    grown = size - (last.size if last else 0)
    if grown == 0 or (last and 0 < grown < every_entries and now - last.signed_at < timedelta(seconds=every_seconds)):
        return None
    if last and (grown < 0 or read_frontier(connection, last.size).root() != last.root):
        raise LogDamaged(f"the first {last.size} rows are not those that were signed")
    root = read_frontier(connection, size).root()
    note = signer.sign(size, root)
    connection.execute(insert(audit_checkpoints).values(size=size, origin=signer.origin, root=root, note=note, signed_at=now))
    return note
