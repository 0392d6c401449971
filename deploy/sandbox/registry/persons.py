"""The civil registry's own book: who lives, under which name, and what the police record says.

A JSON file in the sandbox's folder, written whole at each change: a registry of four persons needs no more.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

FIELDS = ("full_name", "has_record", "issued_on")


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person in the register; `born_on` is YYYY-MM-DD."""

    run: str
    full_name: str
    born_on: str
    document_number: str
    alive: bool = True
    has_record: bool = False
    given_count: int = 1

    @property
    def names(self) -> tuple[list[str], list[str]]:
        """Given names and family names."""
        words = self.full_name.split(" ")
        return words[: self.given_count], words[self.given_count :]

    @property
    def birth_day(self) -> date:
        """The day of birth."""
        return date.fromisoformat(self.born_on)


class Persons:
    """The register. Readers and the admin page may use it from several threads."""

    def __init__(self, path: Path, first: Iterable[Person]) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._events_path = path.with_name("events.json")
        self._persons: dict[str, Person] = {person.run: person for person in first} | self._read()
        self._events: list[str] = json.loads(self._events_path.read_text()) if self._events_path.exists() else []

    def all(self) -> list[Person]:
        """Everybody in the register."""
        with self._lock:
            return list(self._persons.values())

    def find(self, run: str) -> Person | None:
        """One person, or None."""
        with self._lock:
            return self._persons.get(run)

    def change(self, run: str, *, has_record: bool) -> Person | None:
        """Set what the police record says; None when nobody has that RUN."""
        with self._lock:
            person = self._persons.get(run)
            if person is None:
                return None
            self._persons[run] = replace(person, has_record=has_record)
            self._write()
            return self._persons[run]

    def record(self, run: str, *, full_name: str, alive: bool) -> Person | None:
        """Enter a new name, or a death; None when nobody has that RUN."""
        with self._lock:
            person = self._persons.get(run)
            if person is None:
                return None
            self._persons[run] = replace(person, full_name=full_name, alive=alive)
            self._events.append(run)
            self._write()
            return self._persons[run]

    def changes(self, after: int) -> list[dict[str, object]]:
        """What happened after a number; each with the person as they are now."""
        with self._lock:
            found = []
            for number, run in enumerate(self._events[after:], start=after + 1):
                given, family = self._persons[run].names
                entry = {"number": number, "run": run, "given_names": given, "family_names": family}
                found.append({**entry, "alive": self._persons[run].alive})
            return found

    def _read(self) -> dict[str, Person]:
        if not self._path.exists():
            return {}
        return {row["run"]: Person(**row) for row in json.loads(self._path.read_text(encoding="utf-8"))}

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps([asdict(person) for person in self._persons.values()], ensure_ascii=False, indent=1), encoding="utf-8")
        draft.replace(self._path)
        self._events_path.write_text(json.dumps(self._events), encoding="utf-8")


def police_record(person: Person, *, issued_on: str) -> dict[str, str | bool]:
    """Every field of the data set, for one person."""
    return {"full_name": person.full_name, "has_record": person.has_record, "issued_on": issued_on}
