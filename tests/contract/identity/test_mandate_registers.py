"""Registers of who acts for whom: in memory and over HTTP they keep one contract; odd and lying answers count as being away."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.sandbox.registry.entries import CHILD, Book, of_company, of_person
from deploy.sandbox.registry.entries import Entry as Kept
from deploy.sandbox.registry.persons import Persons
from identity.providers.mandate_registers import (
    COMPANY,
    COURT,
    ENTRIES_MAX,
    FAMILY,
    LEFT_ALONE,
    PLACES,
    Entry,
    Ground,
    ListMandateRegister,
    MandateRegister,
    MandateRegisterAway,
    NamedCompany,
    NamedPerson,
    RestMandateRegister,
)
from shared.clock import FixedClock
from shared.http import OutboundTimeout, Reply
from shared.run import parse_run

ACTOR, OTHER = parse_run("11111111-1"), parse_run("22222222-2")
AMAYA = NamedPerson(parse_run(CHILD.run), ("Amaya", "Antonia"), ("Rojas", "Soto"), date(2016, 5, 4), alive=True)
TERMS = (ACTOR, ("sign",), 2, date(2026, 1, 1), date(2026, 12, 31), True)
ENTRIES = {
    COMPANY: Entry("E-1", NamedCompany(parse_run("76543210-3"), "Panadería"), *TERMS),
    FAMILY: Entry("E-1", AMAYA, *TERMS, Ground.PARENT),
    COURT: Entry("E-1", AMAYA, *TERMS, Ground.CURATOR),
}
SAID = {"run": str(ACTOR), "powers": ("sign",), "joint": 2, "valid_from": "2026-01-01", "valid_until": "2026-12-31", "may_pass_on": True}
KEPT = {
    COMPANY: Kept(entry="E-1", rut="76543210-3", name="Panadería", **SAID),
    FAMILY: Kept(entry="E-1", kind="parent", principal=CHILD.run, **SAID),
    COURT: Kept(entry="E-1", kind="curator", principal=CHILD.run, **SAID),
}
REGISTERS = list(PLACES)


class Wire:
    """The sandbox's register behind an outbound client."""

    def __init__(self, book: Book, register: str) -> None:
        self.book, self.place = book, f"https://register.example/v1/{PLACES[register]}"

    def request(self, method: str, url: str, *, json: dict[str, str] | None = None, timeout_seconds: float) -> Reply:
        path = url.removeprefix(self.place)
        if method == "POST":
            assert path == "/entries"
            return reply({"entries": self.book.entries_of((json or {})["run"])})
        return reply({"changes": self.book.changes(int(path.removeprefix("/changes?after=")))})


class Answering:
    """An outbound client that answers one thing to all, and counts."""

    def __init__(self, answer: Reply | Exception) -> None:
        self.answer, self.asked = answer, 0

    def request(self, *_: object, **__: object) -> Reply:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def reply(body: object, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(body).encode())


def rest(http: Any, register: str = COMPANY, clock: FixedClock | None = None) -> RestMandateRegister:
    clock = clock or FixedClock(datetime(2026, 6, 8, tzinfo=UTC))
    return RestMandateRegister(http, clock, url="https://register.example", register=register)


def book_in(folder: Path, register: str) -> Book:
    shown = of_company if register == COMPANY else of_person(Persons(folder / "registry" / "persons.json", [CHILD]))
    return Book(folder / "registry" / "entries.json", [KEPT[register]], shown)


def in_memory(_: Path, register: str) -> tuple[MandateRegister, Callable[[], object]]:
    made = ListMandateRegister([ENTRIES[register]])
    return made, lambda: made.strike("E-1")


def over_http(folder: Path, register: str) -> tuple[MandateRegister, Callable[[], object]]:
    book = book_in(folder, register)
    return rest(Wire(book, register), register), lambda: book.set_in_force("E-1", in_force=False)


@pytest.mark.rule("identity", "RP-4")
@pytest.mark.parametrize("make", [in_memory, over_http])
@pytest.mark.parametrize("register", REGISTERS)
def test_entries_and_changes_say_the_same_in_both(
    make: Callable[[Path, str], tuple[MandateRegister, Callable[[], object]]], register: str, tmp_path: Path
) -> None:
    made, strike = make(tmp_path, register)
    assert made.entries_of(ACTOR) == [ENTRIES[register]]
    assert made.entries_of(OTHER) == []
    assert made.changes(0) == []
    strike()
    assert made.entries_of(ACTOR) == []
    (change,) = made.changes(0)
    assert (change.number, change.entry, change.in_force) == (1, ENTRIES[register], False)
    assert made.changes(1) == []


def test_what_was_struck_out_stays_so_after_a_restart(tmp_path: Path) -> None:
    book_in(tmp_path, COMPANY).set_in_force("E-1", in_force=False)
    again = book_in(tmp_path, COMPANY)
    assert again.entries_of(str(ACTOR)) == []
    assert len(again.changes(0)) == 1
    assert again.set_in_force("E-9", in_force=True) is None


@pytest.mark.rule("identity", "RP-5")
@pytest.mark.parametrize(
    "answer",
    [
        reply({}),
        reply([]),
        reply({"entries": [{}], "changes": [{}]}),
        reply({"entries": ["x"], "changes": ["x"]}),
        reply({"entries": {}, "changes": None}),
        reply({"entries": [], "changes": []}, 500),
        reply({"entries": [{}] * (ENTRIES_MAX + 1), "changes": [{}] * (ENTRIES_MAX + 1)}),
        Reply(200, {}, b"no json"),
        OutboundTimeout("slow"),
    ],
)
def test_odd_answers_count_as_being_away(answer: Reply | Exception) -> None:
    with pytest.raises(MandateRegisterAway):
        rest(Answering(answer)).entries_of(ACTOR)
    with pytest.raises(MandateRegisterAway):
        rest(Answering(answer)).changes(0)


def good(register: str) -> dict[str, Any]:
    """An entry as a register says it."""
    person = {"run": CHILD.run, "given_names": ["Amaya", "Antonia"], "family_names": ["Rojas", "Soto"]}
    person |= {"born_on": "2016-05-04", "alive": True}
    about = {"rut": "76543210-3", "name": "Panadería"} if register == COMPANY else {"kind": ENTRIES[register].ground, "principal": person}
    return {"entry": "E-1", **SAID, **about}


LIES = [
    *((register, {"run": "1-1"}) for register in REGISTERS),
    (COMPANY, {"rut": "76543210-4"}),
    (COMPANY, {"name": ""}),
    (COMPANY, {"name": "x" * 201}),
    (COMPANY, {"name": "Pan\x00"}),
    (COMPANY, {"name": "\ud800"}),
    (COMPANY, {"name": 7}),
    (COMPANY, {"entry": ""}),
    (COMPANY, {"entry": "E" * 71}),
    (COMPANY, {"entry": ["E-1"]}),
    (COMPANY, {"powers": "sign"}),
    (COMPANY, {"powers": [1]}),
    (COMPANY, {"powers": ["sign"] * 21}),
    (COMPANY, {"joint": 0}),
    (COMPANY, {"joint": True}),
    (COMPANY, {"joint": 2**40}),
    (COMPANY, {"may_pass_on": "yes"}),
    (COMPANY, {"valid_from": "yesterday"}),
    (COMPANY, {"valid_from": None}),
    (COMPANY, {"valid_until": 20261231}),
    (FAMILY, {"kind": "guardian"}),
    (FAMILY, {"kind": "friend"}),
    (FAMILY, {"kind": None}),
    (COURT, {"kind": "parent"}),
    *((register, {"principal": principal}) for register in (FAMILY, COURT) for principal in (None, [], {}, "26543218-2")),
]
ABOUT_A_PERSON: list[dict[str, object]] = [
    {"run": str(ACTOR)},
    {"run": "x"},
    {"born_on": "2016-02-30"},
    {"born_on": "0001-01-01"},
    {"born_on": "9999-01-01"},
    {"born_on": None},
    {"alive": "no"},
    {"alive": None},
    {"given_names": "Amaya"},
    {"given_names": ["A" * 201]},
    {"family_names": [None]},
]


@pytest.mark.rule("identity", "RP-4")
def test_an_entry_that_cannot_be_believed_spoils_the_answer() -> None:
    """Nothing of it is taken over: half of an answer would end what the other half says."""
    said = [(register, good(register) | lie) for register, lie in LIES]
    said += [(FAMILY, good(FAMILY) | {"principal": good(FAMILY)["principal"] | lie}) for lie in ABOUT_A_PERSON]
    believed = []
    for register, row in said:
        for body, ask in (
            ({"entries": [good(register) | {"entry": "E-0"}, row]}, lambda made: made.entries_of(ACTOR)),
            ({"changes": [{"number": 1, "entry": row, "in_force": True}]}, lambda made: made.changes(0)),
        ):
            try:
                ask(rest(Answering(reply(body)), register))
            except MandateRegisterAway:
                continue
            believed.append((register, row))
    assert believed == []


@pytest.mark.rule("identity", "RP-4")
@pytest.mark.parametrize("register", REGISTERS)
def test_a_good_answer_is_read_as_it_is_meant(register: str) -> None:
    row = good(register) | {"entry": " E-1\u00a0", "valid_until": "9999-12-31", "more": {"nobody": "asked"}}
    (found,) = rest(Answering(reply({"entries": [row]})), register).entries_of(ACTOR)
    assert (found.entry, found.valid_until) == ("E-1", None), "some write the last day there is for no last day"


@pytest.mark.rule("identity", "RP-4")
def test_an_answer_about_somebody_else_or_with_one_number_twice_is_not_taken() -> None:
    with pytest.raises(MandateRegisterAway):
        rest(Answering(reply({"entries": [good(COMPANY)]}))).entries_of(OTHER)
    with pytest.raises(MandateRegisterAway):
        rest(Answering(reply({"entries": [good(COMPANY), good(COMPANY)]}))).entries_of(ACTOR)


@pytest.mark.rule("identity", "RP-5")
@pytest.mark.parametrize("numbers", [[5], [6, 6], [7, 6], ["6"], [True], [2**63], [-1], [6.0], [None]])
def test_events_come_in_order_or_not_at_all(numbers: list[object]) -> None:
    changes = [{"number": number, "entry": good(COMPANY), "in_force": False} for number in numbers]
    with pytest.raises(MandateRegisterAway):
        rest(Answering(reply({"changes": changes}))).changes(5)


@pytest.mark.rule("identity", "RP-5")
@pytest.mark.parametrize("in_force", [None, "false", 0])
def test_an_event_that_does_not_say_what_became_is_not_taken(in_force: object) -> None:
    with pytest.raises(MandateRegisterAway):
        rest(Answering(reply({"changes": [{"number": 1, "entry": good(COMPANY), "in_force": in_force}]}))).changes(0)


def test_a_silent_register_is_left_alone_for_a_moment(clock: FixedClock) -> None:
    wire = Answering(OutboundTimeout("slow"))
    register = rest(wire, clock=clock)
    for _ in range(3):
        with pytest.raises(MandateRegisterAway):
            register.entries_of(ACTOR)
    assert wire.asked == 1, "not every sign-in waits for it"
    clock.advance(seconds=LEFT_ALONE.total_seconds())
    wire.answer = reply({"entries": [good(COMPANY)]})
    assert register.entries_of(ACTOR) == [ENTRIES[COMPANY]]
    assert register.entries_of(ACTOR) == [ENTRIES[COMPANY]]
    assert wire.asked == 3
