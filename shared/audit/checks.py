"""The single comparisons of verification, each with the state it carries along the walk."""

import hmac
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.audit.canonical import commit, parse_core
from shared.audit.checkpoint import BadCheckpoint, Checkpoint, Verifier
from shared.audit.entries import SCOPE, Cipher
from shared.audit.merkle import Frontier, Node, leaf_hash
from shared.audit.report import FAULTS_MAX, Fault, FaultKind, Report
from shared.clock import rfc3339
from shared.crypto import CannotDecrypt

ROWS_AT_A_TIME = 2_000
# Row[Any] below: a row is given types here, where its columns are used.
_LEVEL = 'SELECT "index" AS place, hash FROM audit_nodes WHERE level = :level AND "index" >= :first ORDER BY "index"'
_CHECKPOINTS = "SELECT size, root, note, signed_at FROM audit_checkpoints WHERE size >= :since ORDER BY size"


class Cursors(ExitStack):
    """Cursors on the server over one connection, closed together: some are left before their end."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def open(self, query: str, **values: object) -> Iterator[Row[Any]]:
        """Run a query and return its rows as they are asked for."""
        result = self._connection.execute(text(query).execution_options(yield_per=ROWS_AT_A_TIME), values)
        self.callback(result.close)
        return iter(result)


class RowCheck:
    """Core ↔ leaf hash ↔ chain, and the numbers themselves."""

    def __init__(self, report: Report, *, row_hash: bytes | None) -> None:
        self.is_whole = True
        self._report = report
        self._next_seq = report.since + 1
        self._row_hash = row_hash  # None: what the row before was is not known
        self._altered: dict[bytes, tuple[bytes, Fault]] = {}  # stored leaf hash: the one its core has now, and the fault

    def row(self, row: Row[Any]) -> dict[str, object] | None:
        """Check one row; return its core unless that is gone or altered."""
        if row.seq != self._next_seq:
            self._gap(self._next_seq, row.seq)
        self._next_seq = row.seq + 1
        before, self._row_hash = self._row_hash, row.row_hash
        if row.core is None:
            self._report.add(FaultKind.MISSING, "the entry of this row is gone", seq=row.seq, entry_id=row.entry_id)
            return None
        if self._fits(row, before):
            return self._columns(row)
        return None

    def finish(self) -> None:
        """Tell of rows that are missing at the end of a part, and entries that changed places from entries that were rewritten."""
        if self._next_seq <= self._report.size:
            self._gap(self._next_seq, self._report.size + 1)
        for stored, (computed, fault) in self._altered.items():
            other = self._altered.get(computed)
            if other is not None and other[0] == stored:
                fault.kind = FaultKind.SWAPPED
                fault.detail = f"it holds the entry that was logged as row {other[1].seq}"

    def _fits(self, row: Row[Any], before: bytes | None) -> bool:
        """Hold the core against its leaf hash and the chain; answer whether it is what was logged."""
        core = row.core.encode()
        computed = leaf_hash(core)
        if computed != row.leaf_hash:
            fault = self._report.add(FaultKind.CHANGED, "the entry is not the one that was logged", seq=row.seq, entry_id=row.entry_id)
            if len(self._altered) < FAULTS_MAX:
                self._altered[row.leaf_hash] = computed, fault
            return False
        if before is not None and sha256(before + core).digest() != row.row_hash:
            detail = "it does not follow the row before it: rows were put in, taken out or set in another order"
            self._report.add(FaultKind.CHAIN_BROKEN, detail, seq=row.seq, entry_id=row.entry_id)
        return True

    def _gap(self, first: int, found: int) -> None:
        self.is_whole, self._row_hash = False, None
        what = "the row is missing" if found == first + 1 else f"rows {first} to {found - 1} are missing"
        self._report.add(FaultKind.MISSING, what, seq=first)

    def _columns(self, row: Row[Any]) -> dict[str, object] | None:
        """Hold the columns beside the core against it: queries go by the columns."""
        try:
            core = parse_core(row.core)
        except ValueError:
            self._report.add(FaultKind.CHANGED, "the entry cannot be read", seq=row.seq, entry_id=row.entry_id)
            return None
        if core.get("entry_id") != str(row.entry_id) or core.get("occurred_at") != rfc3339(row.occurred_at):
            detail = "the columns beside the entry do not say what the entry says (entry_id, occurred_at)"
            self._report.add(FaultKind.CHANGED, detail, seq=row.seq, entry_id=row.entry_id)
        return core


class SideCheck:
    """Side rows ↔ commitments, where a side row is still there."""

    def __init__(self, cipher: Cipher, report: Report) -> None:
        self._cipher = cipher
        self._report = report

    def row(self, row: Row[Any], core: dict[str, object]) -> None:
        """Check the side row of one entry."""
        if row.subject is None:
            return
        self._report.side_count += 1
        try:
            subject = self._cipher.decrypt(row.subject, scope=SCOPE)
            is_right = hmac.compare_digest(commit(row.salt, subject), str(core.get("subject")))
        except (CannotDecrypt, ValueError):
            is_right = False
        if not is_right:
            detail = "the side row is not of the person this entry is about"
            self._report.add(FaultKind.SIDE_MISMATCH, detail, seq=row.seq, entry_id=row.entry_id)


class StoredNodes:
    """Stored tree ↔ recomputed tree: one cursor a level, each in the order of its index."""

    def __init__(self, cursors: Cursors, report: Report) -> None:
        self._cursors = cursors
        self._report = report
        self._levels: dict[int, Iterator[Row[Any]]] = {}
        self._ahead: dict[int, Row[Any] | None] = {}

    def compare(self, node: Node, value: bytes, seq: int) -> None:
        """Hold one complete subtree against the stored one; `seq` is its last row."""
        stored = self._take(node)
        if stored is None:
            self._report.add(FaultKind.TREE_MISMATCH, f"the stored hash of level {node.level} place {node.place} is missing", seq=seq)
        elif stored != value:
            detail = f"rows {seq - (1 << node.level) + 1} to {seq} are not those of the stored tree (level {node.level} place {node.place})"
            self._report.add(FaultKind.TREE_MISMATCH, detail, seq=seq)

    def _take(self, node: Node) -> bytes | None:
        if node.level not in self._levels:
            self._levels[node.level] = self._cursors.open(_LEVEL, level=node.level, first=self._report.since >> node.level)
            self._ahead[node.level] = next(self._levels[node.level], None)
        row = self._ahead[node.level]
        if row is None or row.place != node.place:
            return None
        self._ahead[node.level] = next(self._levels[node.level], None)
        return bytes(row.hash)


@dataclass(frozen=True)
class _Seen:
    """A checkpoint to compare, from our own table or from another service."""

    checkpoint: Checkpoint
    source: str
    signed_at: datetime | None = None


class Checkpoints:
    """Signed checkpoints, own and witnessed ↔ recomputed roots."""

    def __init__(self, cursors: Cursors, verifier: Verifier, witnessed: Iterable[tuple[str, str]], report: Report) -> None:
        self.last_signed_at: datetime | None = None
        self.is_tree_whole = True
        self._verifier = verifier
        self._report = report
        self._last_good = report.since
        self._own = self._read_own(cursors.open(_CHECKPOINTS, since=report.since))
        self._next_own = next(self._own, None)
        self._witnessed = sorted(self._read_witnessed(witnessed), key=lambda seen: seen.checkpoint.size, reverse=True)

    def compare_earlier(self, read_root: Callable[[int], bytes]) -> None:
        """Compare what others saw of sizes before this part with the stored tree; the parts before it have held that against its rows."""
        while self._witnessed and self._witnessed[-1].checkpoint.size < self._report.since:
            seen = self._witnessed.pop().checkpoint
            if not hmac.compare_digest(seen.root, read_root(seen.size)):
                detail = f"the log is not the one that was signed at {seen.size} rows, as another service saw it"
                self._report.add(FaultKind.CHECKPOINT_MISMATCH, detail, seq=seen.size)

    def compare(self, tree: Frontier) -> None:
        """Compare every checkpoint of the tree's present size."""
        while self._next_own is not None and self._next_own.checkpoint.size <= tree.size:
            self._compare(self._next_own, tree)
            self._next_own = next(self._own, None)
        while self._witnessed and self._witnessed[-1].checkpoint.size <= tree.size:
            self._compare(self._witnessed.pop(), tree)

    def finish(self, size: int) -> None:
        """Report checkpoints of sizes that the log does not reach."""
        own = () if self._next_own is None else (self._next_own, *self._own)
        for seen in chain(own, reversed(self._witnessed)):
            signed = seen.checkpoint.size
            if signed > size:
                detail = f"a checkpoint over {signed} rows ({seen.source}) was signed, but there are {size}: the end of the log is gone"
                self._report.add(FaultKind.TRUNCATED, detail, seq=size + 1)
            elif self.is_tree_whole:
                self._report.add(FaultKind.CHECKPOINT_MISMATCH, f"checkpoints are out of order at size {signed}", seq=signed)

    def _compare(self, seen: _Seen, tree: Frontier) -> None:
        size = seen.checkpoint.size
        if size == tree.size and hmac.compare_digest(seen.checkpoint.root, tree.root()):
            self._last_good = size
            if seen.signed_at is not None:
                self._report.signed_size, self.last_signed_at = size, seen.signed_at
            return
        detail = f"the log is not the one that was signed at {size} rows ({seen.source}); rows 1 to {self._last_good} are"
        self._report.add(FaultKind.CHECKPOINT_MISMATCH, detail, seq=size)

    def _read_own(self, rows: Iterable[Row[Any]]) -> Iterator[_Seen]:
        for row in rows:
            self._report.checkpoint_count += 1
            checkpoint = self._open(row.note, f"the stored checkpoint of size {row.size}", seq=row.size)
            if checkpoint is None:
                continue
            if (checkpoint.size, checkpoint.root) != (row.size, bytes(row.root)):
                detail = f"the columns of the checkpoint of size {row.size} do not say what it says"
                self._report.add(FaultKind.CHECKPOINT_MISMATCH, detail, seq=row.size)
            yield _Seen(checkpoint, "our own", row.signed_at)

    def _read_witnessed(self, witnessed: Iterable[tuple[str, str]]) -> Iterator[_Seen]:
        for seen_by, note in witnessed:
            self._report.witnessed_count += 1
            checkpoint = self._open(note, f"the checkpoint shown by {seen_by}", seq=None)
            if checkpoint is not None:
                yield _Seen(checkpoint, f"seen by {seen_by}")

    def _open(self, note: str, what: str, *, seq: int | None) -> Checkpoint | None:
        try:
            checkpoint = self._verifier.open(note)
        except BadCheckpoint as error:
            self._report.add(FaultKind.BAD_SIGNATURE, f"{what}: {error}", seq=seq)
            return None
        if checkpoint.origin != self._verifier.name:
            self._report.add(FaultKind.BAD_SIGNATURE, f"{what} is of another log", seq=seq)
            return None
        return checkpoint
