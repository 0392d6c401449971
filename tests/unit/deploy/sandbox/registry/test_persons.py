from pathlib import Path

from deploy.sandbox.registry.persons import Person, Persons, police_record

CAMILA = Person(run="11111111-1", full_name="Camila Andrea Soto Pérez", born_on="1991-04-03", document_number="A1")


def test_a_changed_fact_outlives_a_restart(tmp_path: Path) -> None:
    Persons(tmp_path / "persons.json", [CAMILA]).change("11111111-1", has_record=True)
    again = Persons(tmp_path / "persons.json", [CAMILA]).find("11111111-1")
    assert again is not None
    assert again.has_record
    assert again.full_name == "Camila Andrea Soto Pérez"


def test_nobody_is_changed_by_an_unknown_run(tmp_path: Path) -> None:
    persons = Persons(tmp_path / "persons.json", [CAMILA])
    assert persons.change("99999999-9", has_record=True) is None
    assert persons.all() == [CAMILA]


def test_the_police_record_is_the_three_fields_of_the_data_set() -> None:
    assert police_record(CAMILA, issued_on="2026-11-21") == {
        "full_name": "Camila Andrea Soto Pérez",
        "has_record": False,
        "issued_on": "2026-11-21",
    }
