"""The company register's own book: who may act for which company.

A JSON file in the sandbox's folder, written whole at each change.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry: a person may act for a company; `joint` is how many must act together, dates are YYYY-MM-DD."""

    entry: str
    rut: str
    name: str
    run: str
    powers: tuple[str, ...]
    joint: int = 1
    valid_from: str = "2020-01-01"
    valid_until: str | None = None
    may_pass_on: bool = False


class Companies:
    """The register.  Readers and the admin page may use it from several threads."""

    def __init__(self, path: Path, first: Iterable[Entry]) -> None:
        self._path = path
        self._lock = threading.Lock()
        stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"struck": [], "events": []}
        self._entries = {entry.entry: entry for entry in first}
        self._struck: set[str] = set(stored["struck"])
        self._events: list[tuple[str, bool]] = [(entry, in_force) for entry, in_force in stored["events"]]

    def all(self) -> list[tuple[Entry, bool]]:
        """Every entry, and whether it is in force."""
        with self._lock:
            return [(entry, entry.entry not in self._struck) for entry in self._entries.values()]

    def entries_of(self, run: str) -> list[dict[str, object]]:
        """What is in force for one person."""
        return [asdict(entry) for entry, in_force in self.all() if in_force and entry.run == run]

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

    def changes(self, after: int) -> list[dict[str, object]]:
        """What happened after a number."""
        with self._lock:
            later = enumerate(self._events[after:], start=after + 1)
            return [{"number": number, "entry": asdict(self._entries[entry]), "in_force": in_force} for number, (entry, in_force) in later]


def first_entries(runs: Iterable[str]) -> list[Entry]:
    """The sandbox's own companies: a bakery of one person, and a school for which two must sign."""
    first, second = list(runs)[:2]
    alone, together = ("sign", "read", "pay", "manage"), ("sign", "read")
    bakery = Entry(entry="E-1001", rut="76543210-3", name="Panadería Los Robles Limitada", run=second, powers=alone)
    school = Entry(entry="E-2001", rut="65432109-4", name="Corporación Colegio Las Araucarias", run=first, powers=together, joint=2)
    return [bakery, school, replace(school, entry="E-2002", run=second)]
