"""The company register, behind one small contract: who may act for which company, and since when not any more (§4.1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from shared.http import Outbound, OutboundError
from shared.run import Run, parse_run

TIMEOUT_SECONDS = 5


class CompanyRegisterAway(Exception):
    """The register does not answer just now."""


@dataclass(frozen=True)
class Entry:
    """One entry: `person` may act for the company `rut` with these powers, together with `joint - 1` others; the last day counts."""

    entry: str
    rut: Run
    name: str
    person: Run
    powers: tuple[str, ...]
    joint: int
    valid_from: date
    valid_until: date | None
    may_pass_on: bool


@dataclass(frozen=True)
class EntryChange:
    """What became of an entry, by ascending number: as it is now, or no longer in force."""

    number: int
    entry: Entry
    in_force: bool


class CompanyRegister(Protocol):
    """What identity asks of a company register."""

    def entries_of(self, person: Run) -> list[Entry]:
        """Return what is in force for a person.  Raises: CompanyRegisterAway."""
        ...

    def changes(self, after: int) -> list[EntryChange]:
        """Return what changed after a number, oldest first.  Raises: CompanyRegisterAway."""
        ...


def _entry(row: Mapping[str, Any]) -> Entry:  # their JSON: each member is checked by its use
    until = row.get("valid_until")
    joint = row.get("joint", 1)
    if not isinstance(joint, int) or joint < 1:
        raise ValueError("joint")
    return Entry(
        entry=str(row["entry"])[:80],
        rut=parse_run(row["rut"]),
        name=str(row["name"])[:200],
        person=parse_run(row["run"]),
        powers=tuple(str(power) for power in row["powers"]),
        joint=joint,
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_until=date.fromisoformat(until) if until else None,
        may_pass_on=row.get("may_pass_on") is True,
    )


class RestCompanyRegister:
    """A register over HTTP: `POST /v1/companies/entries`, `GET /v1/companies/changes?after=`."""

    def __init__(self, http: Outbound, *, url: str) -> None:
        self._http = http
        self._url = url

    def entries_of(self, person: Run) -> list[Entry]:
        """Ask about one person.  Raises: CompanyRegisterAway."""
        answer = self._ask("POST", "/v1/companies/entries", {"run": str(person)})
        try:
            found = [_entry(row) for row in answer["entries"]]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise CompanyRegisterAway("an answer of another form") from None
        if any(entry.person != person for entry in found):
            raise CompanyRegisterAway("an answer about somebody else")
        return found

    def changes(self, after: int) -> list[EntryChange]:
        """Ask what happened.  Raises: CompanyRegisterAway."""
        answer = self._ask("GET", f"/v1/companies/changes?after={after}", None)
        try:
            return [EntryChange(int(row["number"]), _entry(row["entry"]), row["in_force"] is True) for row in answer["changes"]]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise CompanyRegisterAway("an answer of another form") from None

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None) -> Any:  # their JSON: each use checks it
        if not self._url:
            raise CompanyRegisterAway("no company register is set")
        try:
            reply = self._http.request(method, self._url + path, json=body, timeout_seconds=TIMEOUT_SECONDS)
            if reply.status != 200:
                raise CompanyRegisterAway(f"answered {reply.status}")
            found = reply.json()
        except OutboundError as error:
            raise CompanyRegisterAway(type(error).__name__) from None
        if not isinstance(found, dict):
            raise CompanyRegisterAway("an answer of another form")
        return found


class ListCompanyRegister:
    """A register in memory, for tests; it keeps the same contract.  `away` makes it silent."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = list(entries)
        self.events: list[EntryChange] = []
        self.away = False

    def put(self, entry: Entry) -> None:
        """Enter or change an entry."""
        self.entries = [known for known in self.entries if known.entry != entry.entry] + [entry]
        self.events.append(EntryChange(len(self.events) + 1, entry, True))

    def strike(self, entry: str) -> None:
        """Strike an entry out."""
        gone = next(known for known in self.entries if known.entry == entry)
        self.entries.remove(gone)
        self.events.append(EntryChange(len(self.events) + 1, gone, False))

    def entries_of(self, person: Run) -> list[Entry]:
        """Look them up.  Raises: CompanyRegisterAway."""
        if self.away:
            raise CompanyRegisterAway("silent")
        return [entry for entry in self.entries if entry.person == person]

    def changes(self, after: int) -> list[EntryChange]:
        """Return the later events.  Raises: CompanyRegisterAway."""
        if self.away:
            raise CompanyRegisterAway("silent")
        return [event for event in self.events if event.number > after]
