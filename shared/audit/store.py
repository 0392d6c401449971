"""Stored hashes: what the log knows of its own tree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from shared.audit.merkle import Frontier, Node, Range, fold_ranges, range_nodes
from shared.audit.tables import audit_checkpoints, audit_sequence

CHAIN_START = bytes(32)
"""What the first row of the chain follows."""

NODES_BY_KEY = text("""
SELECT node.level, node.index AS place, node.hash FROM audit_nodes AS node
JOIN unnest(CAST(:level AS smallint[]), CAST(:index AS bigint[])) AS wanted (level, index) USING (level, index)
UNION ALL
SELECT 0, leaf.seq - 1, leaf.leaf_hash FROM audit_sequence AS leaf WHERE leaf.seq = ANY(CAST(:seq AS bigint[]))
""")


class LogDamaged(Exception):
    """Stored hashes are missing, or no longer those that were signed; `andamio audit verify` says where."""


class NodeMissing(LogDamaged):
    """A stored hash is not there."""


@dataclass(frozen=True)
class Head:
    """The end of the log: number and row hash of its last row."""

    size: int
    row_hash: bytes


def read_head(connection: Connection) -> Head:
    """Return the end of the log."""
    last = select(audit_sequence.c.seq, audit_sequence.c.row_hash).order_by(audit_sequence.c.seq.desc()).limit(1)
    row = connection.execute(last).one_or_none()
    return Head(0, CHAIN_START) if row is None else Head(row.seq, row.row_hash)


def read_row_hash(connection: Connection, seq: int) -> bytes | None:
    """Return the row hash that the row after `seq` follows; None when there is no such row."""
    if seq == 0:
        return CHAIN_START
    found: bytes | None = connection.execute(select(audit_sequence.c.row_hash).where(audit_sequence.c.seq == seq)).scalar()
    return found


def read_nodes(connection: Connection, nodes: Iterable[Node]) -> dict[Node, bytes]:
    """Return stored hashes, in one query by key.  Raises: NodeMissing."""
    wanted = set(nodes)
    upper = [node for node in wanted if node.level > 0]
    asked = {"level": [node.level for node in upper], "index": [node.place for node in upper]}
    rows = connection.execute(NODES_BY_KEY, asked | {"seq": [node.place + 1 for node in wanted if node.level == 0]})
    found = {Node(row.level, row.place): bytes(row.hash) for row in rows}
    if missing := wanted - found.keys():
        raise NodeMissing(f"{len(missing)} stored hashes, such as {min(missing)}")
    return found


def read_ranges(connection: Connection, ranges: Sequence[Range]) -> list[bytes]:
    """Return the hash over each range of leaves: O(log n) rows for the ranges of a proof.  Raises: NodeMissing."""
    return fold_ranges(ranges, read_nodes(connection, (node for leaves in ranges for node in range_nodes(leaves))))


def read_frontier(connection: Connection, size: int) -> Frontier:
    """Return the tree of a size, ready to grow.  Raises: NodeMissing."""
    peaks = range_nodes(Range(0, size))
    hashes = read_nodes(connection, peaks)
    return Frontier(size, [hashes[node] for node in peaks])


def find_checkpoint(connection: Connection, size: int | None = None) -> str | None:
    """Return the note of a size, or of the largest."""
    query = select(audit_checkpoints.c.note).order_by(audit_checkpoints.c.size.desc()).limit(1)
    return connection.execute(query if size is None else query.where(audit_checkpoints.c.size == size)).scalar()
