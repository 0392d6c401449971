import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from shared.audit.canonical import commit
from shared.audit.entries import Concealed, new_core_entry, new_entry, rows_of
from shared.audit.merkle import leaf_hash, root_of
from shared.audit.store import read_head
from shared.audit.tables import audit_entries, audit_pending, audit_sequence, audit_sides
from shared.clock import FixedClock
from shared.ids import SeededIds
from shared.rows import write
from tests.unit.shared.audit import vectors
from tests.unit.shared.audit.conftest import Action, Log, count

AT = datetime(2026, 11, 21, 12, 0, 0, 123_987, tzinfo=UTC)


class VectorIds(SeededIds):
    """The ids and the salt of the contract's vectors."""

    def __init__(self, entry_id: str) -> None:
        super().__init__()
        self.entry_id = entry_id

    def uuid7(self) -> uuid.UUID:
        return uuid.UUID(self.entry_id)

    def token(self, bytes_n: int = 32) -> str:
        assert bytes_n == 16
        return "AAECAwQFBgcICQoLDA0ODw"


def _vector_entries() -> list[Any]:
    clock = FixedClock(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    return [
        new_core_entry(clock, VectorIds(entry_id), core={**vectors.GIVEN, "outcome": outcome}, subject=vectors.SUBJECT)
        for entry_id, outcome in ((vectors.FIRST_ID, "released"), (vectors.SECOND_ID, "denied"))
    ]


def test_wallet_10_2_cores_and_leaves() -> None:
    first, second = _vector_entries()
    assert json.loads(first.core) == vectors.core(vectors.FIRST_ID, "released")
    assert (first.leaf_hash.hex(), second.leaf_hash.hex()) == (vectors.FIRST_LEAF, vectors.SECOND_LEAF)
    assert root_of([first.leaf_hash, second.leaf_hash]).hex() == vectors.ROOT_OF_BOTH


def test_wallet_10_2_row_chain_in_the_database(log: Log) -> None:
    entries = _vector_entries()
    with log.database.begin() as connection:
        write(connection, rows_of(log.cipher, entries))
    assert log.sequence() == 2
    rows = log.read(lambda connection: connection.execute(select(audit_sequence).order_by(audit_sequence.c.seq)).all())
    assert [(row.seq, row.leaf_hash.hex(), row.row_hash.hex()) for row in rows] == [
        (1, vectors.FIRST_LEAF, vectors.FIRST_ROW),
        (2, vectors.SECOND_LEAF, vectors.SECOND_ROW),
    ]
    assert log.read(read_head).size == 2


def test_a_general_entry_says_what_happened_and_leaves_out_what_is_empty(clock: FixedClock, ids: SeededIds) -> None:
    entry = new_entry(FixedClock(AT), ids, action=Action.MADE, outcome="done", actor="client:a", object_id="", data={})
    assert json.loads(entry.core) == {
        "v": 1,
        "entry_id": str(entry.entry_id),
        "occurred_at": "2026-11-21T12:00:00.123Z",
        "action": "tests:thing:make",
        "outcome": "done",
        "actor": "client:a",
        "channel": "api",
    }
    assert entry.occurred_at == AT.replace(microsecond=123_000)
    assert entry.leaf_hash == leaf_hash(entry.core.encode())
    assert entry.salt is None


def test_a_general_entry_carries_all_it_is_given(clock: FixedClock, ids: SeededIds) -> None:
    entry = new_entry(
        clock, ids, action=Action.MADE, outcome="refused", actor="staff:7", subject="cl-run:11111111-1", on_behalf_of="org-a",
        object_id="thing_1", purpose="pur-1", channel="web", request_id="req", journey_id="jou", data={"n": 1, "yes": True, "l": ["a"]},
    )  # fmt: skip
    core = json.loads(entry.core)
    assert entry.salt is not None
    assert core["subject"] == commit(entry.salt, "cl-run:11111111-1")
    assert (core["object"], core["on_behalf_of"], core["purpose"], core["channel"]) == ("thing_1", "org-a", "pur-1", "web")
    assert (core["request_id"], core["journey_id"], core["data"]) == ("req", "jou", {"n": 1, "yes": True, "l": ["a"]})
    assert "11111111" not in entry.core
    assert "11111111" not in repr(entry)


@pytest.mark.parametrize("data", [{"f": 1.5}, {"none": None}, {"map": {"a": "b"}}, {"list": [1]}])
def test_data_of_other_types_is_refused(clock: FixedClock, ids: SeededIds, data: Any) -> None:
    with pytest.raises(ValueError, match=r"data\."):
        new_entry(clock, ids, action=Action.MADE, outcome="done", actor="a", data=data)


@pytest.mark.parametrize(
    "fields",
    [{"actor": "cl-run:11111111-1"}, {"object_id": "cl-run:11111111-1"}, {"on_behalf_of": "cl-run:1-9"}, {"data": {"who": ["cl-run:1-9"]}}],
)
def test_a_clear_run_does_not_enter_the_core(clock: FixedClock, ids: SeededIds, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="clear RUN"):
        new_entry(clock, ids, **{"action": Action.MADE, "outcome": "done", "actor": "a", **fields})


def test_a_nul_does_not_enter_the_core_and_words_that_only_look_like_one_do(clock: FixedClock, ids: SeededIds) -> None:
    with pytest.raises(ValueError, match="U\\+0000"):
        new_entry(clock, ids, action=Action.MADE, outcome="done", actor="a", data={"law": "Ley \x00"})
    kept = new_entry(clock, ids, action=Action.MADE, outcome="done", actor="a", data={"law": "Ley \\u0000"})
    assert json.loads(kept.core)["data"] == {"law": "Ley \\u0000"}


def test_wallet_10_1_given_fields_stay_as_they_are_and_concealed_ones_become_commitments(clock: FixedClock, ids: SeededIds) -> None:
    core = {"accessor": {"org_id": "org-a", "official": Concealed("cl-run:12345678-5")}, "procedure": {"case": Concealed("case:9")}}
    entry = new_core_entry(clock, ids, core=core, subject=vectors.SUBJECT, extra={"official_id": "12345678-5"})
    assert entry.salt is not None
    read = json.loads(entry.core)
    assert read["accessor"] == {"org_id": "org-a", "official": commit(entry.salt, "cl-run:12345678-5")}
    assert read["procedure"] == {"case": commit(entry.salt, "case:9")}
    assert "12345678" not in entry.core + repr(entry) + repr(core)


@pytest.mark.parametrize("name", ["v", "entry_id", "occurred_at", "subject"])
def test_fields_that_are_filled_in_are_not_taken(clock: FixedClock, ids: SeededIds, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        new_core_entry(clock, ids, core={name: "x"}, subject=vectors.SUBJECT)


def test_each_entry_has_a_salt_of_its_own(clock: FixedClock, ids: SeededIds) -> None:
    one, other = (new_core_entry(clock, ids, core={"outcome": "attempt"}, subject=vectors.SUBJECT) for _ in range(2))
    assert one.salt != other.salt
    assert json.loads(one.core)["subject"] != json.loads(other.core)["subject"]


def test_rows_of_a_transaction_are_written_together_or_not_at_all(log: Log) -> None:
    entries = [log.entry(number) for number in range(3)]
    connection = log.database.engine.connect()
    write(connection, rows_of(log.cipher, entries))
    connection.rollback()
    connection.close()
    assert log.read(lambda c: (count(c, audit_entries), count(c, audit_sides), count(c, audit_pending))) == (0, 0, 0)
    with log.database.begin() as again:
        write(again, rows_of(log.cipher, entries))
        write(again, rows_of(log.cipher, []))
    assert log.read(lambda c: (count(c, audit_entries), count(c, audit_sides), count(c, audit_pending))) == (3, 3, 3)


def test_nothing_personal_stands_clear_in_the_database(log: Log) -> None:
    entry = new_core_entry(
        log.clock, log.ids, core={"outcome": "attempt"}, subject="cl-run:77777777-7", extra={"official_id": "88888888-8"}
    )
    with log.database.begin() as connection:
        write(connection, rows_of(log.cipher, [entry]))
    dump = log.read(
        lambda c: str([c.execute(text(f"SELECT * FROM {name}")).all() for name in ("audit_entries", "audit_sides", "audit_pending")])
    )
    assert "77777777" not in dump
    assert "88888888" not in dump


def test_an_entry_without_a_person_has_no_side_row(log: Log) -> None:
    entry = new_entry(log.clock, log.ids, action=Action.MADE, outcome="done", actor="a")
    with log.database.begin() as connection:
        write(connection, rows_of(log.cipher, [entry]))
    assert log.read(lambda c: (count(c, audit_entries), count(c, audit_sides))) == (1, 0)
