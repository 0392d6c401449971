"""Verification: recompute everything, and name the first row that is wrong.

One walk over the log in the order of its numbers, with cursors on the server: memory stays the same whatever the size. Held
against one another are core ↔ leaf hash ↔ row chain ↔ stored tree ↔ signed checkpoints ↔ checkpoints that others saw, and
side rows ↔ commitments. After a fault the walk goes on from what is stored, so that one change is one fault.

The walk may also be made part by part: a part starts from the stored tree of a size that the caller knows to be right.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, text

from shared.audit.checkpoint import Verifier
from shared.audit.checks import Checkpoints, Cursors, RowCheck, SideCheck, StoredNodes
from shared.audit.entries import Cipher
from shared.audit.merkle import Frontier, leaf_hash
from shared.audit.report import FaultKind, Report
from shared.audit.store import read_frontier, read_head, read_row_hash

BELOW_ALL = -(2**63)
"""So that a row with a number below 1 is met too: it is a fault."""
_ROWS = """
SELECT sequence.seq, sequence.entry_id, sequence.leaf_hash, sequence.row_hash, entry.core, entry.occurred_at{columns}
FROM audit_sequence AS sequence LEFT JOIN audit_entries AS entry USING (entry_id){join}
WHERE sequence.seq > :since AND sequence.seq <= :size ORDER BY sequence.seq
"""
_SIDES = {"columns": ", side.salt, side.subject", "join": " LEFT JOIN audit_sides AS side USING (entry_id)"}
_NO_SIDES = {"columns": "", "join": ""}

_PENDING = """
SELECT pending.entry_id, pending.leaf_hash, entry.core
FROM audit_pending AS pending LEFT JOIN audit_entries AS entry USING (entry_id)
"""
_NOT_SEQUENCED = """
SELECT entry.entry_id FROM audit_entries AS entry
WHERE NOT EXISTS (SELECT FROM audit_sequence AS sequence WHERE sequence.entry_id = entry.entry_id)
AND NOT EXISTS (SELECT FROM audit_pending AS pending WHERE pending.entry_id = entry.entry_id AND pending.occurred_at = entry.occurred_at)
"""


@dataclass(frozen=True)
class Part:
    """Which rows to look at: `rows_max` after row `since`; `is_of_whole` when the parts before it began at the first row."""

    since: int
    rows_max: int
    is_of_whole: bool


def verify(
    connection: Connection,
    verifier_key: str,
    *,
    cipher: Cipher | None = None,
    peers_witnessed: Iterable[tuple[str, str]] = (),
    earlier_keys: Sequence[str] = (),
    late_after: timedelta = timedelta(hours=1),
    part: Part | None = None,
) -> Report:
    """Recompute the log, or a part of it, and return what was found; writers and the sequencer may go on meanwhile.

    `cipher` opens side rows, so that they are held against their commitments too. `peers_witnessed` are (who saw it, note)
    pairs of this log's checkpoints; `earlier_keys` signed some of them. What can be said of the log's end alone is looked at
    with its last part.  Raises: BadCheckpoint for a verifier key that is none, NodeMissing where a part has no stored tree to start from.
    """
    started = time.perf_counter()
    verifier = Verifier.parse(verifier_key, earlier=earlier_keys)
    report = Report(origin=verifier.name, since=part.since if part else 0)
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    with Cursors(connection) as cursors:
        # Checkpoints are opened before the end of the log is read: the log only grows, so none of them may be larger than it.
        checkpoints = Checkpoints(cursors, verifier, peers_witnessed, report)
        end = read_head(connection).size
        report.size = min(end, part.since + part.rows_max) if part else end
        report.is_to_the_end = report.size == end
        tree = read_frontier(connection, report.since)
        checkpoints.compare_earlier(lambda size: read_frontier(connection, size).root())
        check = RowCheck(report, row_hash=read_row_hash(connection, report.since))
        sides = SideCheck(cipher, report) if cipher else None
        _walk(cursors, report, tree=tree, check=check, checkpoints=checkpoints, sides=sides, late_after=late_after)
        report.root = tree.root()
        if report.is_to_the_end:
            checkpoints.finish(report.size)
            _check_waiting(cursors, report, is_whole=part is None or part.is_of_whole)
    report.seconds = time.perf_counter() - started
    return report


def _walk(
    cursors: Cursors,
    report: Report,
    *,
    tree: Frontier,
    check: RowCheck,
    checkpoints: Checkpoints,
    sides: SideCheck | None,
    late_after: timedelta,
) -> None:
    nodes = StoredNodes(cursors, report)
    checkpoints.compare(tree)
    for row in cursors.open(_ROWS.format(**(_SIDES if sides else _NO_SIDES)), since=report.since or BELOW_ALL, size=report.size):
        core = check.row(row)
        if sides is not None and core is not None:
            sides.row(row, core)
        if row.occurred_at and checkpoints.last_signed_at and row.occurred_at < checkpoints.last_signed_at - late_after:
            report.late_count += 1
        if check.is_whole:  # after a gap the places in the tree are not known any more; the gap is the fault
            for node, value in tree.append(row.leaf_hash):
                nodes.compare(node, value, row.seq)
            checkpoints.compare(tree)
    check.finish()
    checkpoints.is_tree_whole = check.is_whole


def _check_waiting(cursors: Cursors, report: Report, *, is_whole: bool) -> None:
    """Look at entries that have no number yet: waiting is well, lost or altered is not.

    Those that do not even wait are found by going through all entries there are, and so with the whole log only.
    """
    for row in cursors.open(_PENDING):
        report.waiting_count += 1
        if row.core is None:
            report.add(FaultKind.MISSING, "it waits for its number, but the entry is gone", entry_id=row.entry_id)
        elif leaf_hash(row.core.encode()) != row.leaf_hash:
            report.add(FaultKind.CHANGED, "it is not what was written; it has no number yet", entry_id=row.entry_id)
    for row in cursors.open(_NOT_SEQUENCED) if is_whole else ():
        report.add(FaultKind.NOT_SEQUENCED, "the entry has no number and does not wait for one", entry_id=row.entry_id)
