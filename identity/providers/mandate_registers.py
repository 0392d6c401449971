"""The registers of who may act for whom: of companies, of parents and children, of the courts (§4.1).  One small contract for all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from shared.clock import Clock
from shared.http import Outbound, OutboundError
from shared.run import Run, parse_run

COMPANY, FAMILY, COURT = "company", "family", "court"
PLACES = {COMPANY: "companies", FAMILY: "families", COURT: "courts"}
"""Each register, and where it stands in its address."""
TIMEOUT_SECONDS = 3
LEFT_ALONE = timedelta(seconds=10)
"""So long a silent register is not asked again, so that not every sign-in waits for it."""
ENTRIES_MAX = 1_000
JOINT_MAX = 100
NO_END = 9999
"""A last day in this year is how some registers write that there is none."""
BORN = range(1850, 2300)


class MandateRegisterAway(Exception):
    """The register does not answer just now, or not in a form that can be believed."""


class Ground(StrEnum):
    """Why somebody acts for a person."""

    PARENT = "parent"
    GUARDIAN = "guardian"
    CURATOR = "curator"
    ORDER = "order"


GROUNDS = {FAMILY: frozenset({Ground.PARENT}), COURT: frozenset({Ground.GUARDIAN, Ground.CURATOR, Ground.ORDER})}
"""What each register of persons can say; nobody is a parent by the word of a court's clerk alone."""


@dataclass(frozen=True)
class NamedCompany:
    """The company of an entry."""

    rut: Run
    name: str


@dataclass(frozen=True)
class NamedPerson:
    """The person of an entry for whom somebody acts; a child, say, who has no account."""

    run: Run
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    born_on: date
    alive: bool


@dataclass(frozen=True)
class Entry:
    """One entry: `person` may act for the principal with these powers, together with `joint - 1` others; the last day counts.

    `ground` is there where the principal is a person.
    """

    entry: str
    principal: NamedCompany | NamedPerson
    person: Run
    powers: tuple[str, ...]
    joint: int
    valid_from: date
    valid_until: date | None
    may_pass_on: bool
    ground: Ground | None = None


@dataclass(frozen=True)
class EntryChange:
    """What became of an entry, by ascending number: as it is now, or no longer in force."""

    number: int
    entry: Entry
    in_force: bool


class MandateRegister(Protocol):
    """What identity asks of each of these registers."""

    def entries_of(self, person: Run) -> list[Entry]:
        """Return what is in force for a person.  Raises: MandateRegisterAway."""
        ...

    def changes(self, after: int) -> list[EntryChange]:
        """Return what changed after a number, oldest first.  Raises: MandateRegisterAway."""
        ...


def _text(value: object, longest: int) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not 0 < len(text) <= longest or not text.isprintable():  # the database takes no NUL and no half of a character
        raise ValueError("text")
    return text


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 20:
        raise ValueError("texts")
    return tuple(_text(one, 200) for one in value)


def _number(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("number")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("flag")  # noqa: TRY004 - one kind of fault for all
    return value


def _entry(row: Mapping[str, Any], register: str) -> Entry:  # their JSON: each member is checked by its use
    until = date.fromisoformat(row["valid_until"]) if row.get("valid_until") else None
    ground = None if register == COMPANY else Ground(row["kind"])
    if ground is not None and ground not in GROUNDS[register]:
        raise ValueError("kind")
    principal = _company(row) if ground is None else _person(row["principal"])
    person = parse_run(row["run"])
    if isinstance(principal, NamedPerson) and principal.run == person:
        raise ValueError("nobody acts for themselves")
    return Entry(
        entry=_text(row["entry"], 70),
        principal=principal,
        person=person,
        powers=_texts(row["powers"]),
        joint=_number(row.get("joint", 1), 1, JOINT_MAX),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_until=until if until is None or until.year < NO_END else None,
        may_pass_on=_flag(row.get("may_pass_on", False)),
        ground=ground,
    )


def _company(row: Mapping[str, Any]) -> NamedCompany:
    return NamedCompany(parse_run(row["rut"]), _text(row["name"], 200))


def _person(row: Mapping[str, Any]) -> NamedPerson:
    born_on = date.fromisoformat(row["born_on"])
    if born_on.year not in BORN:
        raise ValueError("born_on")
    given, family = _texts(row["given_names"]), _texts(row["family_names"])
    return NamedPerson(parse_run(row["run"]), given, family, born_on, _flag(row["alive"]))


class RestMandateRegister:
    """A register over HTTP: `POST /v1/companies/entries`, `GET /v1/companies/changes?after=`, and so for families and courts."""

    def __init__(self, http: Outbound, clock: Clock, *, url: str, register: str) -> None:
        self._http = http
        self._clock = clock
        self._address = f"{url}/v1/{PLACES[register]}"
        self._register = register
        self._silent_since: datetime | None = None

    def entries_of(self, person: Run) -> list[Entry]:
        """Ask about one person.  Raises: MandateRegisterAway."""
        rows = self._rows("POST", "/entries", {"run": str(person)}, "entries")
        try:
            found = [_entry(row, self._register) for row in rows]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise MandateRegisterAway("an answer of another form") from None
        if any(entry.person != person for entry in found):
            raise MandateRegisterAway("an answer about somebody else")
        if len({entry.entry for entry in found}) != len(found):
            raise MandateRegisterAway("one entry twice")
        return found

    def changes(self, after: int) -> list[EntryChange]:
        """Ask what happened.  Raises: MandateRegisterAway."""
        found, last = [], after
        try:
            for row in self._rows("GET", f"/changes?after={after}", None, "changes"):
                last = _number(row["number"], last + 1, 2**62)
                found.append(EntryChange(last, _entry(row["entry"], self._register), _flag(row["in_force"])))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise MandateRegisterAway("an answer of another form") from None
        return found

    def _rows(self, method: str, path: str, body: Mapping[str, str] | None, member: str) -> list[Any]:  # their JSON: each use checks it
        if self._silent_since is not None and self._clock.now() < self._silent_since + LEFT_ALONE:
            raise MandateRegisterAway("silent a moment ago")
        try:
            reply = self._http.request(method, self._address + path, json=body, timeout_seconds=TIMEOUT_SECONDS)
            self._silent_since = None
            if reply.status != 200:
                raise MandateRegisterAway(f"answered {reply.status}")
            answer = reply.json()
        except OutboundError as error:
            self._silent_since = self._clock.now()
            raise MandateRegisterAway(type(error).__name__) from None
        rows = answer.get(member) if isinstance(answer, dict) else None
        if not isinstance(rows, list) or len(rows) > ENTRIES_MAX:
            raise MandateRegisterAway("an answer of another form")
        return rows


class ListMandateRegister:
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
        """Look them up.  Raises: MandateRegisterAway."""
        if self.away:
            raise MandateRegisterAway("silent")
        return [entry for entry in self.entries if entry.person == person]

    def changes(self, after: int) -> list[EntryChange]:
        """Return the later events.  Raises: MandateRegisterAway."""
        if self.away:
            raise MandateRegisterAway("silent")
        return [event for event in self.events if event.number > after]
