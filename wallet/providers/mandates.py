"""Registers of who may act for whom: custody, guardians, courts, companies.

`POST url {"delegate": "11111111-1"}` → `{"mandates": [{"kind", "principal": {"scheme", "value", "name"}, "reference",
"born_on"?, "valid_until"?, "joint"?, "is_deceased"?}]}`: everything that the register knows of one delegate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from shared.auth import CannotGetToken, TokenSource
from shared.http import Outbound, OutboundError
from wallet.standards.acting import Kind

SCHEMES = ("cl-run", "cl-rut")
MANDATES_MAX = 200
JOINT_MAX = 20
TIMEOUT_SECONDS = 5


class MandatesUnavailable(Exception):
    """The register did not say who may act for whom; nothing follows from that but that nobody can act just now."""


@dataclass(frozen=True, kw_only=True)
class Mandate:
    """One power as a register knows it; `principal` is `scheme:value`, `joint` how many must say yes together."""

    kind: Kind
    principal: str = field(repr=False)
    name: str = field(repr=False)
    reference: str = field(repr=False)
    born_on: date | None = field(default=None, repr=False)
    valid_until: datetime | None = None
    joint: int = 1
    is_deceased: bool = False


class MandateRegister(Protocol):
    """Where powers stand."""

    name: str

    def mandates_of(self, delegate: str) -> list[Mandate]:
        """Return for whom a person (a RUN) may act.  Raises: MandatesUnavailable."""
        ...


class NoMandates:
    """An installation without such a register: nobody may act for another but by proxy."""

    name = "none"

    def mandates_of(self, delegate: str) -> list[Mandate]:
        """Return nothing."""
        del delegate
        return []


class HttpMandates:
    """A register over HTTP, asked with the wallet's own access token addressed to it."""

    def __init__(self, http: Outbound, tokens: TokenSource, *, url: str, audience: str) -> None:
        self.name = audience
        self._http, self._tokens, self._url = http, tokens, url

    def mandates_of(self, delegate: str) -> list[Mandate]:
        """Return for whom a person may act.  Raises: MandatesUnavailable, also for an answer that is not of the form."""
        try:
            headers = {"Authorization": "Bearer " + self._tokens.token(self.name, "registry:mandates"), "Accept": "application/json"}
            reply = self._http.request("POST", self._url, json={"delegate": delegate}, headers=headers, timeout_seconds=TIMEOUT_SECONDS)
            if reply.status != 200:
                raise MandatesUnavailable(f"status {reply.status}")
            return read_mandates(reply.json())
        except (OutboundError, CannotGetToken) as error:
            raise MandatesUnavailable(type(error).__name__) from error


def read_mandates(answer: object) -> list[Mandate]:
    """Return the mandates of an answer of the agreed form.  Raises: MandatesUnavailable."""
    rows = answer.get("mandates") if isinstance(answer, Mapping) else None
    if not isinstance(rows, list) or len(rows) > MANDATES_MAX:
        raise MandatesUnavailable("form")
    try:
        return [_mandate(row) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise MandatesUnavailable("form") from None


def _mandate(row: Mapping[str, object]) -> Mandate:
    principal = row["principal"]
    if not isinstance(principal, Mapping) or principal["scheme"] not in SCHEMES:
        raise ValueError("principal")
    kind, until, born_on = Kind(str(row["kind"])), row.get("valid_until"), row.get("born_on")
    moment, joint = None if until is None else datetime.fromisoformat(str(until)), row.get("joint", 1)
    if (kind is Kind.PARENT and born_on is None) or (moment is not None and moment.tzinfo is None):
        raise ValueError("a parent's power has the child's day of birth; a time has its zone")
    if type(joint) is not int or not 1 <= joint <= JOINT_MAX:
        raise ValueError("joint")
    return Mandate(
        kind=kind,
        principal=f"{principal['scheme']}:{principal['value']}",
        name=str(principal["name"])[:200],
        reference=str(row["reference"])[:200],
        born_on=None if born_on is None else date.fromisoformat(str(born_on)),
        valid_until=moment,
        joint=joint,
        is_deceased=row.get("is_deceased") is True,
    )
