"""Acting for another: what each kind of power may do, and what age and an end mean for it.  Spec: wallet contract §6, D1-D9."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from shared.clock import ZONE

MAJORITY_YEARS = 18


class Kind(StrEnum):
    """Why one person may act for another, or for a company."""

    PARENT = "parent"
    GUARDIAN = "guardian"
    COURT = "court_representative"
    COMPANY = "company_officer"
    PROXY = "proxy"


class Power(StrEnum):
    """What a delegate may do."""

    VIEW = "view"
    GRANT = "grant"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    RENEW = "renew"


ALL_POWERS = tuple(Power)
TOGETHER = frozenset({Power.GRANT, Power.RENEW})
"""What those who must act together can only do together."""
BY_INCAPACITY = frozenset({Kind.PARENT, Kind.GUARDIAN, Kind.COURT})
"""Kinds whose principal could not have consented herself: what they gave ends with them (D7)."""


def default_powers(kind: Kind) -> tuple[Power, ...]:
    """Return what a kind may do when nothing is said: a proxy only looks, for consenting needs express power (D2)."""
    return (Power.VIEW,) if kind is Kind.PROXY else ALL_POWERS


def powers_by_mandate(kind: Kind, told: Collection[str]) -> frozenset[Power]:
    """Return what a mandate of identity is worth here, by the words of its own list (read, sign, pay, receive, manage).

    `sign` decides, alone or with others as the mandate says; but for a person's proxy it is not the express power to consent (D2).
    """
    if not {"read", "sign"} & set(told):
        return frozenset()
    decides = "sign" in told and kind is not Kind.PROXY
    return frozenset(ALL_POWERS) if decides else frozenset({Power.VIEW})


def shared_out(powers: Collection[Power], *, joint: int) -> tuple[frozenset[Power], frozenset[Power]]:
    """Return what a delegate may do alone, and what only together with `joint - 1` others (D6).

    One is enough for a no, and to end what all have allowed: nothing goes on without the will of each.
    """
    together = TOGETHER & set(powers) if joint > 1 else frozenset()
    return frozenset(powers) - together, together


@dataclass(frozen=True)
class Reach:
    """What a delegation is about; an empty set means all."""

    datasets: frozenset[str] = field(default_factory=frozenset)
    purposes: frozenset[str] = field(default_factory=frozenset)
    procedures: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def read(cls, scope: Mapping[str, Collection[str]]) -> "Reach":
        """Read the stored form."""
        return cls(*(frozenset(scope.get(name, ())) for name in ("datasets", "purposes", "procedures")))

    def covers(self, dataset_id: str, purpose_id: str | None, procedure_code: str | None) -> bool:
        """Answer whether a matter is within it; what a matter does not name is not within a limit on it."""
        pairs = ((self.datasets, dataset_id), (self.purposes, purpose_id), (self.procedures, procedure_code))
        return all(not limit or value in limit for limit, value in pairs)


def birthday(born_on: date, years: int) -> date:
    """Return the day on which somebody reaches an age; born on 29 February, the first of March of other years."""
    try:
        return born_on.replace(year=born_on.year + years)
    except ValueError:
        return date(born_on.year + years, 3, 1)


def majority(born_on: date) -> datetime:
    """Return the first moment of the day on which somebody turns 18, in Chile (D3)."""
    return datetime.combine(birthday(born_on, MAJORITY_YEARS), time(), ZONE)


def confirm_by(born_on: date, *, days: int) -> datetime:
    """Return until when a person who turned 18 may confirm what a parent gave; after it that no longer holds (D3)."""
    return majority(born_on) + timedelta(days=days)


def has_age(born_on: date, years: int, now: datetime) -> bool:
    """Answer whether somebody has reached an age, by the day in Chile."""
    return now.astimezone(ZONE).date() >= birthday(born_on, years)
