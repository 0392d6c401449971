import pytest

from shared.audit.entries import new_core_entry, rows_of
from shared.audit.sides import LIST_MAX, erase_sides, erase_subject, list_entries
from shared.audit.tables import audit_entries, audit_sides
from shared.rows import write
from tests.unit.shared.audit.conftest import Log, count

PERSON = "cl-run:11111111-1"


def _write(log: Log, subject: str, number: int) -> None:
    log.clock.advance(seconds=1)
    entry = new_core_entry(
        log.clock, log.ids, core={"outcome": "released", "reason": f"n{number}"}, subject=subject, extra={"unit": f"u{number}"}
    )
    with log.database.begin() as connection:
        write(connection, rows_of(log.cipher, [entry]))


@pytest.mark.rule("wallet", "L6")
def test_a_person_finds_her_entries_newest_first_by_pages(log: Log) -> None:
    for number in range(5):
        _write(log, PERSON, number)
        _write(log, "cl-run:22222222-2", number)
    log.sequence()
    with log.database.engine.connect() as connection:
        first = list_entries(connection, log.cipher, PERSON, limit=3)
        rest = list_entries(connection, log.cipher, PERSON, before=first[-1].entry_id)
        nobody = list_entries(connection, log.cipher, "cl-run:3-3")
    assert [listed.core["reason"] for listed in (*first, *rest)] == ["n4", "n3", "n2", "n1", "n0"]
    assert [listed.extra for listed in rest] == [{"unit": "u1"}, {"unit": "u0"}]
    assert [listed.seq for listed in rest] == [3, 1]
    assert nobody == []


def test_an_entry_is_listed_before_it_has_its_number(log: Log) -> None:
    _write(log, PERSON, 1)
    with log.database.engine.connect() as connection:
        (listed,) = list_entries(connection, log.cipher, PERSON, limit=LIST_MAX * 10)
    assert listed.seq is None
    assert listed.occurred_at == log.clock.now()


def test_erasing_a_person_leaves_the_entries_and_the_others(log: Log) -> None:
    _write(log, PERSON, 1)
    _write(log, "cl-run:22222222-2", 2)
    with log.database.begin() as connection:
        assert erase_subject(connection, log.cipher, PERSON) == 1
    with log.database.engine.connect() as connection:
        assert list_entries(connection, log.cipher, PERSON) == []
        assert len(list_entries(connection, log.cipher, "cl-run:22222222-2")) == 1
        assert (count(connection, audit_entries), count(connection, audit_sides)) == (2, 1)


def test_wallet_10_5_side_rows_are_erased_when_their_time_is_over_oldest_first(log: Log) -> None:
    for number in range(6):
        _write(log, PERSON, number)
    with log.database.begin() as connection:
        limit = log.clock.now()
        assert erase_sides(connection, received_before=limit, limit=2) == 2
        assert [listed.core["reason"] for listed in list_entries(connection, log.cipher, PERSON)] == ["n5", "n4", "n3", "n2"]
        assert erase_sides(connection, received_before=limit) == 3
        assert [listed.core["reason"] for listed in list_entries(connection, log.cipher, PERSON)] == ["n5"]
