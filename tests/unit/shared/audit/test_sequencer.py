from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from shared.audit import merkle
from shared.audit.entries import rows_of
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.audit.store import NODES_BY_KEY, LogDamaged, find_checkpoint, read_frontier, read_head
from shared.audit.tables import audit_checkpoints, audit_entries, audit_nodes, audit_pending, audit_sequence
from shared.rows import write
from tests.unit.shared.audit.conftest import Log, count

WRITERS = 20
EACH = 15


def _sequence(log: Log) -> list[tuple[int, str]]:
    query = select(audit_sequence.c.seq, audit_sequence.c.entry_id).order_by(audit_sequence.c.seq)
    return [(row.seq, str(row.entry_id)) for row in log.read(lambda connection: connection.execute(query).all())]


def test_numbers_have_no_gaps_and_follow_the_order_of_events(log: Log) -> None:
    late = log.entry(1)
    early = [log.entry(number) for number in range(2, 6)]
    with log.database.begin() as connection:
        write(connection, rows_of(log.cipher, [*reversed(early), late]))
    assert log.sequence() == 5
    assert _sequence(log) == [(1, str(late.entry_id)), *((n, str(entry.entry_id)) for n, entry in enumerate(early, 2))]
    assert log.read(lambda connection: count(connection, audit_pending)) == 0


def test_the_limit_is_kept_and_the_rest_follows(log: Log) -> None:
    entries = log.write(7)
    assert [log.sequence(limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert _sequence(log) == [(n, str(entry.entry_id)) for n, entry in enumerate(entries, 1)]


@pytest.mark.parametrize("batches", [[1] * 9, [2, 3, 4], [9], [8, 1], [5, 4]])
def test_the_stored_tree_does_not_depend_on_the_batches(log: Log, batches: list[int]) -> None:
    entries = log.write(9)
    for limit in batches:
        log.sequence(limit=limit)
    leaves = [entry.leaf_hash for entry in entries]
    assert log.read(lambda connection: read_frontier(connection, 9)).root() == merkle.root_of(leaves)
    with log.database.begin() as connection:
        roots = [read_frontier(connection, size).root() for size in range(10)]
    assert roots == [merkle.root_of(leaves[:size]) for size in range(10)]
    assert log.read(lambda connection: count(connection, audit_nodes)) == 4 + 2 + 1


def test_a_sequencer_that_fails_leaves_everything_as_it_was(log: Log) -> None:
    log.write(3)
    connection = log.database.engine.connect()
    assert sequence_pending(connection) == 3
    connection.rollback()
    connection.close()
    assert log.read(lambda c: (count(c, audit_pending), count(c, audit_sequence), count(c, audit_nodes))) == (3, 0, 0)
    assert log.sequence() == 3


class Crowd:
    """Twenty writers, each with its own transactions, a fifth of which fail; their faults are kept."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.entries = [[log.entry(writer * EACH + number) for number in range(EACH)] for writer in range(WRITERS)]
        self.is_writing = True

    def write(self, mine: int) -> None:
        for number, entry in enumerate(self.entries[mine]):
            with self.log.database.engine.connect() as connection:
                write(connection, rows_of(self.log.cipher, [entry]))
                if not self.is_failed(number):
                    connection.commit()

    def sequence(self) -> None:
        while self.is_writing:
            self.log.sequence(limit=40)

    def is_failed(self, number: int) -> bool:
        return number % 5 == 4

    def kept(self) -> set[str]:
        return {str(entry.entry_id) for own in self.entries for number, entry in enumerate(own) if not self.is_failed(number)}


def test_wallet_10_2_many_writers_and_two_sequencers_leave_no_gap(log: Log) -> None:
    crowd = Crowd(log)
    with ThreadPoolExecutor(WRITERS + 2) as threads:
        sequencers = [threads.submit(crowd.sequence) for _ in range(2)]
        writers = [threads.submit(crowd.write, mine) for mine in range(WRITERS)]
        faults = [writer.exception() for writer in writers]
        crowd.is_writing = False
        faults += [sequencer.exception() for sequencer in sequencers]
    assert faults == [None] * (WRITERS + 2)
    while log.sequence():
        pass
    log.sign()
    kept = crowd.kept()
    assert len(kept) == WRITERS * EACH * 4 // 5
    assert [seq for seq, _ in _sequence(log)] == list(range(1, len(kept) + 1))
    assert {entry_id for _, entry_id in _sequence(log)} == kept
    report = log.verify()
    assert report.ok, str(report)
    assert (report.size, report.side_count, report.waiting_count) == (len(kept), len(kept), 0)


def test_a_pending_row_without_its_entry_does_not_stop_the_others(log: Log) -> None:
    lost, kept = log.write(2)
    log.tamper("DELETE FROM audit_entries WHERE entry_id = :id", id=lost.entry_id)
    assert log.sequence() == 1
    assert _sequence(log) == [(1, str(kept.entry_id))]


def test_wallet_10_2_a_checkpoint_is_signed_when_the_tree_grew(log: Log) -> None:
    assert log.sign() is None
    entries = log.make(3)
    note = log.read(find_checkpoint)
    assert note is not None
    checkpoint = log.signer.verifier.open(note)
    assert (checkpoint.size, checkpoint.root) == (3, merkle.root_of([entry.leaf_hash for entry in entries]))
    assert log.sign() is None


def test_wallet_10_2_a_checkpoint_each_minute_or_each_thousand_entries(log: Log) -> None:
    def sign(every_entries: int = 1000) -> str | None:
        with log.database.begin() as connection:
            return sign_checkpoint(connection, log.signer, log.clock, every_entries=every_entries)

    log.write(1)
    log.sequence()
    assert sign() is not None  # the first at once
    log.write(3)
    log.sequence()
    assert sign() is None
    assert sign(every_entries=3) is not None
    log.write(1)
    log.sequence()
    log.clock.advance(seconds=58)
    assert sign() is None
    log.clock.advance(seconds=1)
    assert sign() is not None
    assert log.read(lambda connection: count(connection, audit_checkpoints)) == 3


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE audit_nodes SET hash = sha256('x') WHERE level = 2",
        "DELETE FROM audit_nodes WHERE level = 2",
        "DELETE FROM audit_sequence WHERE seq > 3",
    ],
)
def test_a_tree_that_does_not_continue_the_signed_one_is_not_signed(log: Log, forgery: str) -> None:
    log.make(4)
    log.write(1)
    if "sequence" not in forgery:
        log.sequence()
    log.tamper(forgery)
    with pytest.raises(LogDamaged):
        log.sign()
    assert log.read(lambda connection: count(connection, audit_checkpoints)) == 1


def test_a_damaged_tree_is_not_appended_to(log: Log) -> None:
    log.make(4)
    log.write(1)
    log.tamper("DELETE FROM audit_nodes WHERE level = 2")
    with pytest.raises(LogDamaged):
        log.sequence()
    assert log.read(lambda c: (read_head(c).size, count(c, audit_pending), count(c, audit_entries))) == (4, 1, 5)


def test_appending_and_proving_read_by_key(log: Log) -> None:
    log.make(9)
    with log.database.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(connection.execute(text("EXPLAIN " + NODES_BY_KEY.text), {"level": [1], "index": [0], "seq": [9]}).scalars())
    assert "pk_audit_nodes" in plan
    assert "pk_audit_sequence" in plan
