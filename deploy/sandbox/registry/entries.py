"""The books of who may act for whom: of the company register, of the civil registry for parents, of the courts.

A JSON file each in the sandbox's folder, written whole at each change.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from deploy.sandbox.registry.persons import Person, Persons

Shown = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry: the person `run` may act; `joint` is how many must act together, dates are YYYY-MM-DD.

    For a company it has `rut` and `name`; for a person `kind` (why) and `principal`, a RUN of the register of persons.
    """

    entry: str
    run: str
    powers: tuple[str, ...]
    joint: int = 1
    valid_from: str = "2020-01-01"
    valid_until: str | None = None
    may_pass_on: bool = False
    rut: str = ""
    name: str = ""
    kind: str = ""
    principal: str = ""


class Book:
    """One register.  Readers and the admin page may use it from several threads; `shown` makes an entry what is answered."""

    def __init__(self, path: Path, first: Iterable[Entry], shown: Callable[[Entry], Shown]) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._shown = shown
        stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"struck": [], "events": []}
        self._entries = {entry.entry: entry for entry in first}
        self._struck: set[str] = set(stored["struck"])
        self._events: list[tuple[str, bool]] = [(entry, in_force) for entry, in_force in stored["events"]]

    def all(self) -> list[tuple[Entry, bool]]:
        """Every entry, and whether it is in force."""
        with self._lock:
            return [(entry, entry.entry not in self._struck) for entry in self._entries.values()]

    def entries_of(self, run: str) -> list[Shown]:
        """What is in force for one person."""
        return [self._shown(entry) for entry, in_force in self.all() if in_force and entry.run == run]

    def set_in_force(self, number: str, *, in_force: bool) -> Entry | None:
        """Strike an entry out, or put it back; None when there is none."""
        with self._lock:
            if number not in self._entries:
                return None
            (self._struck.discard if in_force else self._struck.add)(number)
            self._events.append((number, in_force))
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps({"struck": sorted(self._struck), "events": self._events}), encoding="utf-8")
            draft.replace(self._path)
            return self._entries[number]

    def changes(self, after: int) -> list[Shown]:
        """What happened after a number."""
        with self._lock:
            later = enumerate(self._events[after:], start=after + 1)
            shown = {number: self._shown(entry) for number, entry in self._entries.items()}
            return [{"number": number, "entry": shown[entry], "in_force": in_force} for number, (entry, in_force) in later]


def of_company(entry: Entry) -> Shown:
    """An entry of the company register, as it is answered."""
    return {name: value for name, value in asdict(entry).items() if name not in {"kind", "principal"}}


def of_person(persons: Persons) -> Callable[[Entry], Shown]:
    """An entry about a person, as it is answered: with the person as the civil registry knows them by now."""

    def shown(entry: Entry) -> Shown:
        row = {name: value for name, value in asdict(entry).items() if name not in {"rut", "name"}}
        return row | {"principal": _principal(persons.find(entry.principal))}

    return shown


def _principal(person: Person | None) -> Shown:
    if person is None:
        return {}
    given, family = person.names
    told = {"run": person.run, "given_names": given, "family_names": family}
    return {**told, "born_on": person.born_on, "alive": person.alive}


ALONE, TOGETHER = ("sign", "read", "pay", "manage"), ("sign", "read")
FOR_A_PERSON = ("read", "sign", "pay", "receive")
CHILD = Person(run="26543218-2", full_name="Amaya Antonia Rojas Soto", born_on="2016-05-04", document_number="A000026543", given_count=2)
ORPHAN = Person(run="27884410-2", full_name="Martín Soto Catrileo", born_on="2019-02-11", document_number="A000027884")
ELDER = Person(run="4118302-0", full_name="Hortensia Huenchumán Cayul", born_on="1938-08-15", document_number="A000004118")
"""Persons without an account for whom others act."""


def first_entries(first: str, second: str) -> dict[str, list[Entry]]:
    """The sandbox's own entries by register, for the first two who sign in.

    Companies: a bakery of one person, and a school for which two must sign.  Families: a mother and her child.  Courts: an old woman
    with a curator, and an orphan with two guardians who must act together.
    """
    bakery = Entry(entry="E-1001", rut="76543210-3", name="Panadería Los Robles Limitada", run=second, powers=ALONE)
    school = Entry(entry="E-2001", rut="65432109-4", name="Corporación Colegio Las Araucarias", run=first, powers=TOGETHER, joint=2)
    child = Entry(entry="N-2016-1204", kind="parent", principal=CHILD.run, run=first, powers=FOR_A_PERSON, valid_from=CHILD.born_on)
    elder = Entry(entry="C-118-2024", kind="curator", principal=ELDER.run, run=second, powers=FOR_A_PERSON, valid_from="2024-06-03")
    orphan = Entry(entry="C-007-2025-1", kind="guardian", principal=ORPHAN.run, run=first, powers=FOR_A_PERSON, joint=2)
    return {
        "companies": [bakery, school, replace(school, entry="E-2002", run=second)],
        "families": [child],
        "courts": [elder, orphan, replace(orphan, entry="C-007-2025-2", run=second)],
    }
