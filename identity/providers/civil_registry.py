"""The civil registry, behind one small contract: who keeps the record and who runs sign-in stay apart (ID-12)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from shared.http import Outbound, OutboundError
from shared.run import Run, parse_run

TIMEOUT_SECONDS = 5


class RegistryAway(Exception):
    """The registry does not answer just now."""


@dataclass(frozen=True)
class RegistryPerson:
    """What the registry says about a person and the document shown."""

    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    born_on: date
    alive: bool
    document_valid: bool
    issued_on: date | None = None
    expires_on: date | None = None


@dataclass(frozen=True)
class Change:
    """One event of the registry, by ascending number: new names, or death."""

    number: int
    run: Run
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    alive: bool


class CivilRegistry(Protocol):
    """What identity asks of a civil registry."""

    def check(self, run: Run, document_number: str) -> RegistryPerson | None:
        """Return the person whose document this is; None when RUN and document do not belong together.  Raises: RegistryAway."""
        ...

    def changes(self, after: int) -> list[Change]:
        """Return the events after a number, oldest first.  Raises: RegistryAway."""
        ...


class RestRegistry:
    """A registry over HTTP: `POST /v1/identity-check`, `GET /v1/changes?after=`."""

    def __init__(self, http: Outbound, *, url: str) -> None:
        self._http = http
        self._url = url

    def check(self, run: Run, document_number: str) -> RegistryPerson | None:
        """Ask about one document.  Raises: RegistryAway."""
        body = {"run": str(run), "document_number": document_number}
        answer = self._ask("POST", "/v1/identity-check", body)
        if answer.get("match") is not True:
            return None
        try:
            names = tuple(answer["given_names"]), tuple(answer["family_names"])
            days = [date.fromisoformat(answer[name]) if answer.get(name) else None for name in ("issued_on", "expires_on")]
            return RegistryPerson(*names, date.fromisoformat(answer["born_on"]), answer["alive"], answer["document_valid"], *days)
        except (KeyError, TypeError, ValueError):
            raise RegistryAway("an answer of another form") from None

    def changes(self, after: int) -> list[Change]:
        """Ask what happened.  Raises: RegistryAway."""
        answer = self._ask("GET", f"/v1/changes?after={after}", None)
        try:
            return [
                Change(row["number"], parse_run(row["run"]), tuple(row["given_names"]), tuple(row["family_names"]), row["alive"])
                for row in answer["changes"]
            ]
        except (KeyError, TypeError, ValueError):
            raise RegistryAway("an answer of another form") from None

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None) -> Any:  # their JSON: each use checks it
        if not self._url:
            raise RegistryAway("no registry is set")
        try:
            reply = self._http.request(method, self._url + path, json=body, timeout_seconds=TIMEOUT_SECONDS)
            if reply.status != 200:
                raise RegistryAway(f"answered {reply.status}")
            found = reply.json()
        except OutboundError as error:
            raise RegistryAway(type(error).__name__) from None
        if not isinstance(found, dict):
            raise RegistryAway("an answer of another form")
        return found


class ListRegistry:
    """A registry in memory, for tests; it keeps the same contract.  `away` makes it silent."""

    def __init__(self, documents: Mapping[tuple[str, str], RegistryPerson], events: Iterable[Change] = ()) -> None:
        self.documents = dict(documents)
        self.events = list(events)
        self.away = False

    def check(self, run: Run, document_number: str) -> RegistryPerson | None:
        """Look it up.  Raises: RegistryAway."""
        if self.away:
            raise RegistryAway("silent")
        return self.documents.get((str(run), document_number))

    def changes(self, after: int) -> list[Change]:
        """Return the later events.  Raises: RegistryAway."""
        if self.away:
            raise RegistryAway("silent")
        return [event for event in self.events if event.number > after]
