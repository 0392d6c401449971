"""Each way to tamper, and the row that verification names."""

import json
import uuid
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select, text

from shared.audit.checkpoint import BadCheckpoint, Signer
from shared.audit.entries import Entry, new_entry, rows_of
from shared.audit.merkle import Frontier, leaf_hash
from shared.audit.report import FAULTS_MAX, FaultKind, Report
from shared.audit.sides import erase_sides, erase_subject
from shared.audit.store import find_checkpoint
from shared.audit.tables import audit_sequence
from shared.audit.verify import verify
from shared.rows import write
from tests.unit.shared.audit.conftest import ORIGIN, Action, Log

ROWS = 11


@pytest.fixture
def entries(log: Log) -> list[Entry]:
    """Eleven rows under checkpoints of 4, 8 and 11."""
    return [*log.make(4), *log.make(4, first=5), *log.make(3, first=9)]


def _first(report: Report) -> tuple[FaultKind, int | None, str | None]:
    assert not report.ok
    assert report.first_fault is not None, str(report)
    return report.first_fault.kind, report.first_fault.seq, report.first_fault.entry_id


def _id(entries: list[Entry], seq: int) -> str:
    return str(entries[seq - 1].entry_id)


def _forge_all(log: Log, from_seq: int, cores: dict[int, str]) -> None:
    """Rewrite entries and recompute everything that needs no key: leaf hashes, chain and tree."""
    with log.database.engine.connect() as connection:
        query = text("SELECT seq, s.entry_id, row_hash, core FROM audit_sequence s JOIN audit_entries USING (entry_id) ORDER BY seq")
        rows = connection.execute(query).all()
    tree, chain, statements = Frontier(), bytes(32), []
    for row in rows:
        core = cores.get(row.seq, row.core)
        leaf, chain = leaf_hash(core.encode()), sha256(chain + core.encode()).digest()
        nodes = tree.append(leaf)
        if row.seq >= from_seq:
            quoted = core.replace("'", "''").replace(":", "\\:")
            statements.append(f"UPDATE audit_entries SET core = '{quoted}' WHERE entry_id = '{row.entry_id}'")
            hashes = f"leaf_hash = decode('{leaf.hex()}', 'hex'), row_hash = decode('{chain.hex()}', 'hex')"
            statements.append(f"UPDATE audit_sequence SET {hashes} WHERE seq = {row.seq}")
            statements += [
                f"UPDATE audit_nodes SET hash = decode('{value.hex()}', 'hex') WHERE level = {node.level} AND index = {node.place}"
                for node, value in nodes
            ]
    log.tamper(*statements)


def test_an_intact_log_passes(log: Log, entries: list[Entry]) -> None:
    report = log.verify()
    assert report.ok, str(report)
    assert (report.size, report.signed_size, report.checkpoint_count, report.side_count) == (ROWS, ROWS, 3, ROWS)
    assert report.first_fault is None


def test_an_empty_log_passes(log: Log) -> None:
    report = log.verify()
    assert report.ok
    assert (report.size, report.root.hex()) == (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")


def test_waiting_entries_are_no_fault(log: Log, entries: list[Entry]) -> None:
    log.write(2, first=50)
    report = log.verify()
    assert report.ok
    assert report.waiting_count == 2


def test_rows_after_the_last_signature_are_told(log: Log, entries: list[Entry]) -> None:
    log.write(2, first=50)
    log.sequence()
    report = log.verify()
    assert report.ok
    assert any("2 rows after row 11" in warning for warning in report.warnings)


@pytest.mark.parametrize("seq", [1, 2, 5, 8, 11])
def test_wallet_10_2_a_changed_row_is_named(log: Log, entries: list[Entry], seq: int) -> None:
    log.tamper("UPDATE audit_entries SET core = replace(core, 'thing_', 'other_') WHERE entry_id = :id", id=entries[seq - 1].entry_id)
    report = log.verify()
    assert _first(report) == (FaultKind.CHANGED, seq, _id(entries, seq))
    assert report.fault_count == 1


def test_wallet_10_2_a_back_dated_row_is_named(log: Log, entries: list[Entry]) -> None:
    log.tamper("UPDATE audit_entries SET occurred_at = occurred_at - interval '1 day' WHERE entry_id = :id", id=entries[4].entry_id)
    assert _first(log.verify()) == (FaultKind.CHANGED, 5, _id(entries, 5))


def test_a_row_back_dated_in_core_and_column_is_named(log: Log, entries: list[Entry]) -> None:
    log.tamper(
        "UPDATE audit_entries SET core = replace(core, '2026-06-08', '2026-06-07') WHERE entry_id = :id",
        "UPDATE audit_entries SET occurred_at = occurred_at - interval '1 day' WHERE entry_id = :id",
        id=entries[4].entry_id,
    )
    report = log.verify()
    assert _first(report) == (FaultKind.CHANGED, 5, _id(entries, 5))
    assert report.fault_count == 1


@pytest.mark.parametrize("seq", [1, 6, 11])
def test_wallet_10_2_a_deleted_entry_is_named(log: Log, entries: list[Entry], seq: int) -> None:
    log.tamper_unlinked("DELETE FROM audit_entries WHERE entry_id = :id", id=entries[seq - 1].entry_id)
    assert _first(log.verify()) == (FaultKind.MISSING, seq, _id(entries, seq))


def test_wallet_10_2_a_deleted_row_of_the_sequence_is_named(log: Log, entries: list[Entry]) -> None:
    log.tamper_unlinked(
        "DELETE FROM audit_sequence WHERE entry_id = :id",
        "DELETE FROM audit_sides WHERE entry_id = :id",
        "DELETE FROM audit_entries WHERE entry_id = :id",
        id=entries[5].entry_id,
    )
    report = log.verify()
    assert _first(report) == (FaultKind.MISSING, 6, None)
    assert report.fault_count == 1


def test_wallet_10_2_a_deleted_row_closed_up_is_named(log: Log, entries: list[Entry]) -> None:
    log.tamper_unlinked(
        "DELETE FROM audit_sequence WHERE seq = 6",
        "DELETE FROM audit_sides WHERE entry_id = :id",
        "DELETE FROM audit_entries WHERE entry_id = :id",
        "UPDATE audit_sequence SET seq = -seq WHERE seq > 6",
        "UPDATE audit_sequence SET seq = -seq - 1 WHERE seq < 0",
        id=entries[5].entry_id,
    )
    report = log.verify()
    assert _first(report) == (FaultKind.CHAIN_BROKEN, 6, _id(entries, 7))
    assert FaultKind.TRUNCATED in {fault.kind for fault in report.faults}


@pytest.mark.parametrize(
    "swap",
    [
        [
            "UPDATE audit_sequence SET entry_id = '00000000-0000-7000-8000-000000000000' WHERE seq = 3",
            "UPDATE audit_sequence SET entry_id = :third WHERE seq = 7",
            "UPDATE audit_sequence SET entry_id = :seventh WHERE seq = 3",
        ],
        [
            """UPDATE audit_entries e SET core = o.core FROM audit_entries o
            WHERE e.entry_id <> o.entry_id AND e.entry_id IN (:third, :seventh) AND o.entry_id IN (:third, :seventh)"""
        ],
    ],
    ids=["places", "contents"],
)
def test_wallet_10_2_swapped_entries_are_named(log: Log, entries: list[Entry], swap: list[str]) -> None:
    log.tamper_unlinked(*swap, third=entries[2].entry_id, seventh=entries[6].entry_id)
    report = log.verify(cipher=False)
    assert _first(report)[:2] == (FaultKind.SWAPPED, 3)
    assert report.first_fault is not None
    assert "row 7" in report.first_fault.detail
    assert report.fault_count == 2


def test_wallet_10_2_rows_in_another_order_are_named(log: Log, entries: list[Entry]) -> None:
    log.tamper(*(f"UPDATE audit_sequence SET seq = {to} WHERE seq = {of}" for of, to in ((3, -1), (7, 3), (-1, 7))))
    assert _first(log.verify()) == (FaultKind.CHAIN_BROKEN, 3, _id(entries, 7))


def test_wallet_10_2_an_inserted_row_is_named(log: Log, entries: list[Entry]) -> None:
    forged = log.entry(99)
    with log.database.begin() as connection:
        write(connection, rows_of(log.cipher, [forged]))
    log.tamper(
        "DELETE FROM audit_pending",
        "UPDATE audit_sequence SET seq = -seq WHERE seq > 5",
        "UPDATE audit_sequence SET seq = -seq + 1 WHERE seq < 0",
        "INSERT INTO audit_sequence VALUES (6, :id, :leaf, :leaf)",
        id=forged.entry_id,
        leaf=forged.leaf_hash,
    )
    assert _first(log.verify()) == (FaultKind.CHAIN_BROKEN, 6, str(forged.entry_id))


def test_dropped_last_rows_contradict_the_checkpoint(log: Log, entries: list[Entry]) -> None:
    last = [entry.entry_id for entry in entries[-2:]]
    log.tamper_unlinked(
        "DELETE FROM audit_sequence WHERE seq > 9",
        "DELETE FROM audit_sides WHERE entry_id = ANY(:ids)",
        "DELETE FROM audit_entries WHERE entry_id = ANY(:ids)",
        "DELETE FROM audit_nodes WHERE (index + 1) << level > 9",
        ids=last,
    )
    report = log.verify()
    assert _first(report)[:2] == (FaultKind.TRUNCATED, 10)
    assert report.fault_count == 1


def test_dropped_last_rows_and_their_checkpoint_contradict_the_witness(log: Log, entries: list[Entry]) -> None:
    note = log.read(find_checkpoint)
    assert note is not None
    last = [entry.entry_id for entry in entries[-2:]]
    log.tamper_unlinked(
        "DELETE FROM audit_sequence WHERE seq > 9",
        "DELETE FROM audit_sides WHERE entry_id = ANY(:ids)",
        "DELETE FROM audit_entries WHERE entry_id = ANY(:ids)",
        "DELETE FROM audit_nodes WHERE (index + 1) << level > 9",
        "DELETE FROM audit_checkpoints WHERE size > 9",
        ids=last,
    )
    assert log.verify().ok  # alone, the log cannot know
    report = log.verify(witnessed=[("notify", note)])
    assert _first(report)[:2] == (FaultKind.TRUNCATED, 10)
    assert "seen by notify" in str(report)


def test_a_log_rewritten_with_all_its_hashes_contradicts_the_checkpoint(log: Log, entries: list[Entry]) -> None:
    _forge_all(log, 6, {6: entries[5].core.replace("thing_", "other_")})
    report = log.verify()
    assert _first(report)[:2] == (FaultKind.CHECKPOINT_MISMATCH, 8)
    assert "rows 1 to 4 are" in str(report.first_fault)
    assert {fault.kind for fault in report.faults} == {FaultKind.CHECKPOINT_MISMATCH}


def test_a_log_rewritten_and_signed_anew_contradicts_the_witness(log: Log, entries: list[Entry]) -> None:
    note = log.read(find_checkpoint)
    assert note is not None
    _forge_all(log, 6, {6: entries[5].core.replace("thing_", "other_")})
    log.tamper("DELETE FROM audit_checkpoints")
    log.sign()
    assert log.verify().ok
    report = log.verify(witnessed=[("identity", note)])
    assert _first(report)[:2] == (FaultKind.CHECKPOINT_MISMATCH, 11)


def test_a_forged_tail_under_a_forged_checkpoint_is_named(log: Log, entries: list[Entry]) -> None:
    log.write(2, first=70)
    log.sequence()
    log.sign(signer=Signer(b"\x66" * 32, ORIGIN))
    report = log.verify()
    assert _first(report)[:2] == (FaultKind.BAD_SIGNATURE, 13)
    assert report.signed_size == ROWS


def test_a_forged_tail_without_entries_is_named(log: Log, entries: list[Entry]) -> None:
    log.tamper_unlinked("INSERT INTO audit_sequence VALUES (12, :id, sha256('a'), sha256('b'))", id=uuid.uuid4())
    assert _first(log.verify())[:2] == (FaultKind.MISSING, 12)


def test_an_entry_altered_before_it_got_its_number_is_named(log: Log, entries: list[Entry]) -> None:
    (waiting,) = log.write(1, first=50)
    log.tamper("UPDATE audit_entries SET core = replace(core, 'thing_', 'other_') WHERE entry_id = :id", id=waiting.entry_id)
    assert _first(log.verify()) == (FaultKind.CHANGED, None, str(waiting.entry_id))
    log.sequence()
    log.sign()
    assert _first(log.verify()) == (FaultKind.CHANGED, 12, str(waiting.entry_id))


def test_an_entry_deleted_before_it_got_its_number_is_named(log: Log, entries: list[Entry]) -> None:
    (waiting,) = log.write(1, first=50)
    log.tamper_unlinked("DELETE FROM audit_entries WHERE entry_id = :id", id=waiting.entry_id)
    assert _first(log.verify()) == (FaultKind.MISSING, None, str(waiting.entry_id))


def test_an_entry_kept_from_its_number_is_named(log: Log, entries: list[Entry]) -> None:
    (waiting,) = log.write(1, first=50)
    log.tamper("DELETE FROM audit_pending")
    assert _first(log.verify()) == (FaultKind.NOT_SEQUENCED, None, str(waiting.entry_id))


@pytest.mark.parametrize(
    ("forgery", "seq"),
    [
        ("UPDATE audit_nodes SET hash = sha256('x') WHERE level = 2 AND index = 1", 8),
        ("DELETE FROM audit_nodes WHERE level = 1 AND index = 2", 6),
        ("UPDATE audit_sequence SET leaf_hash = sha256('x') WHERE seq = 9", 9),
        ("UPDATE audit_sequence SET row_hash = sha256('x') WHERE seq = 9", 9),
    ],
)
def test_a_forged_hash_is_named(log: Log, entries: list[Entry], forgery: str, seq: int) -> None:
    log.tamper(forgery)
    assert _first(log.verify())[1] == seq


@pytest.mark.parametrize(
    "forgery",
    ["UPDATE audit_checkpoints SET root = sha256('x') WHERE size = 8", "UPDATE audit_checkpoints SET size = 7 WHERE size = 8"],
)
def test_a_checkpoint_whose_columns_lie_is_named(log: Log, entries: list[Entry], forgery: str) -> None:
    log.tamper(forgery)
    assert _first(log.verify())[0] == FaultKind.CHECKPOINT_MISMATCH


def test_a_checkpoint_of_another_log_is_named(log: Log, entries: list[Entry]) -> None:
    note = Signer(b"\x01" * 32, "notify.example/log").sign(8, bytes(32))
    log.tamper("UPDATE audit_checkpoints SET note = :note WHERE size = 8", note=note)
    assert _first(log.verify())[:2] == (FaultKind.BAD_SIGNATURE, 8)


def test_a_side_row_of_another_person_is_named(log: Log, entries: list[Entry]) -> None:
    log.tamper(
        "UPDATE audit_sides SET subject = (SELECT subject FROM audit_sides WHERE entry_id = :other) WHERE entry_id = :id",
        id=entries[2].entry_id,
        other=entries[8].entry_id,
    )
    assert _first(log.verify()) == (FaultKind.SIDE_MISMATCH, 3, _id(entries, 3))
    assert log.verify(cipher=False).ok


def test_a_side_row_that_does_not_open_is_named(log: Log, entries: list[Entry]) -> None:
    log.tamper("UPDATE audit_sides SET subject = '\\x0102' WHERE entry_id = :id", id=entries[2].entry_id)
    assert _first(log.verify()) == (FaultKind.SIDE_MISMATCH, 3, _id(entries, 3))


@pytest.mark.rule("wallet", "L7")
def test_wallet_10_1_erasing_side_rows_leaves_the_log_valid(log: Log, entries: list[Entry]) -> None:
    with log.database.begin() as connection:
        assert erase_subject(connection, log.cipher, "cl-run:3-0") == 1
        assert erase_sides(connection, received_before=entries[5].occurred_at, limit=100) == 4
    report = log.verify()
    assert report.ok
    assert report.side_count == ROWS - 5


def test_an_entry_that_comes_long_after_it_happened_is_told(log: Log, entries: list[Entry]) -> None:
    late = new_entry(log.clock, log.ids, action=Action.MADE, outcome="done", actor="a")
    log.clock.advance(seconds=7200)
    log.make(1, first=60)
    with log.database.begin() as connection:
        write(connection, rows_of(log.cipher, [late]))
    log.sequence()
    report = log.verify()
    assert report.ok
    assert report.late_count == 1


def test_writing_goes_on_while_it_is_verified(log: Log, entries: list[Entry]) -> None:
    with log.database.engine.connect() as connection:
        connection.execute(select(audit_sequence.c.seq))  # the auditor's transaction is open
        log.make(5, first=80)
        report = verify(connection, log.signer.verifier_key)
    assert report.ok, str(report)


def test_many_faults_are_counted_and_the_first_are_kept(log: Log) -> None:
    log.make(FAULTS_MAX + 20)
    log.tamper("UPDATE audit_entries SET core = replace(core, 'thing_', 'other_')")
    report = log.verify()
    assert (report.fault_count, len(report.faults)) == (FAULTS_MAX + 20, FAULTS_MAX)
    assert report.first_fault is not None
    assert report.first_fault.seq == 1


def test_a_report_reads_well_and_as_json(log: Log, entries: list[Entry]) -> None:
    log.tamper("UPDATE audit_entries SET core = replace(core, 'thing_', 'other_') WHERE entry_id = :id", id=entries[4].entry_id)
    report = log.verify()
    assert "NOT INTACT" in str(report)
    assert f"first fault: changed at row 5 (entry {_id(entries, 5)})" in str(report)
    document: dict[str, Any] = json.loads(json.dumps(report.as_json()))
    assert document["ok"] is False
    assert document["first_fault"]["seq"] == 5
    assert document["size"] == ROWS


def test_a_verifier_key_that_is_none_is_refused(log: Log) -> None:
    with log.database.engine.connect() as connection, pytest.raises(BadCheckpoint):
        verify(connection, "pay.example/log+00000000+AAAA")


def test_a_log_verified_with_another_key_fails(log: Log, entries: list[Entry]) -> None:
    other = Signer(b"\x02" * 32, ORIGIN)
    with log.database.engine.connect() as connection:
        report = verify(connection, other.verifier_key)
    assert {fault.kind for fault in report.faults} == {FaultKind.BAD_SIGNATURE}
    assert report.fault_count == 3
    assert report.signed_size == 0
