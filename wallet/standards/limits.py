"""Limits of an agreement, judged at the request and again at each fetch.  Spec: wallet contract §9.

A limit that is broken refuses, or where the agreement lists it in `report` lets through and marks the agreement for review.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

REPORTABLE = frozenset({"max_duration", "max_uses", "max_frequency", "max_data_period", "max_retention", "hours"})
"""What may be reported instead of refused: how much and when; never which data, in which mode, or of how many people at once."""
WITHIN = {"query": {"view"}}
"""Modes that hold another: who may look may also ask a question that is answered yes or no."""
LIMIT_NAMES = REPORTABLE | {"modes", "sensitive_allowed", "bulk", "report"}
NO_BY_ITSELF = frozenset({"sensitive_allowed", "bulk", "report"})
"""What is not allowed where nothing is said: to leave it out is narrower, never wider."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What both bodies signed; None means no limit of that kind."""

    duration_seconds_max: int | None = None
    uses_max: int | None = None
    frequency_per_day_max: int | None = None
    modes: frozenset[str] = frozenset({"view"})
    fields_max: frozenset[str] = field(default_factory=frozenset)
    sensitive_allowed: bool = False
    data_period_days_max: int | None = None
    retention_days_max: int | None = None
    hours: tuple[int, int] | None = None
    """Hours of the day in Santiago between which data may be fetched: from, and until before."""
    bulk: bool = False
    """Whether more than a hundred people may be asked about in one call."""
    report: frozenset[str] = frozenset()

    @classmethod
    def read(cls, stored: Mapping[str, object], fields: frozenset[str]) -> "Limits":
        """Read the `limits` member of an agreement; `fields` are the agreed ones of the dataset."""

        def number(name: str) -> int | None:
            value = stored.get(name)
            return value if isinstance(value, int) else None

        modes, report = stored.get("modes"), stored.get("report")
        return cls(
            duration_seconds_max=number("max_duration"),
            uses_max=number("max_uses"),
            frequency_per_day_max=number("max_frequency"),
            modes=frozenset(str(mode) for mode in modes) if isinstance(modes, list) else frozenset({"view"}),
            fields_max=fields,
            sensitive_allowed=stored.get("sensitive_allowed") is True,
            data_period_days_max=number("max_data_period"),
            retention_days_max=number("max_retention"),
            hours=_hours(stored.get("hours")),
            bulk=stored.get("bulk") is True,
            report=frozenset(map(str, report)) & REPORTABLE if isinstance(report, list) else frozenset(),
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a request wants of an agreement."""

    fields: frozenset[str]
    any_sensitive: bool
    mode: str
    duration_seconds: int | None = None
    uses: int | None = None
    per_day: int | None = None
    data_period_days: int | None = None
    retention_days: float | None = None
    hour: int | None = None
    """The hour of the day in Santiago, at a fetch."""
    is_bulk: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a run of the rules came to; `rule_id` is the limit that refuses, else the first that is only reported."""

    accept: bool = True
    rule_id: str | None = None

    @property
    def report(self) -> bool:
        """True where a limit is broken that marks the agreement for review and refuses nothing."""
        return self.accept and self.rule_id is not None


def run_rules(limits: Limits, asked: Asked) -> Verdict:
    """Judge what is asked by every limit."""
    broken = list(_broken(limits, asked))
    refusing = next((name for name in broken if name not in limits.report), None)
    return Verdict(accept=refusing is None, rule_id=refusing or next(iter(broken), None))


def _broken(limits: Limits, asked: Asked) -> Iterator[str]:
    """Return the name of each limit that is broken, in a fixed order."""
    found = (
        ("fields_max", not asked.fields <= limits.fields_max),
        ("sensitive_allowed", asked.any_sensitive and not limits.sensitive_allowed),
        ("modes", not {asked.mode, *WITHIN.get(asked.mode, ())} & limits.modes),
        ("max_duration", _over(asked.duration_seconds, limits.duration_seconds_max)),
        ("max_uses", _over(asked.uses, limits.uses_max)),
        ("max_frequency", _over(asked.per_day, limits.frequency_per_day_max)),
        ("max_data_period", _over(asked.data_period_days, limits.data_period_days_max)),
        ("max_retention", _over(asked.retention_days, limits.retention_days_max)),
        ("hours", asked.hour is not None and limits.hours is not None and not limits.hours[0] <= asked.hour < limits.hours[1]),
        ("bulk", asked.is_bulk and not limits.bulk),
    )
    return (name for name, is_broken in found if is_broken)


def _over(asked: float | None, limit: int | None) -> bool:
    return asked is not None and limit is not None and asked > limit


def wider_than(asked: Mapping[str, object], allowed: Mapping[str, object]) -> str | None:
    """Return the name of the first limit that is wider than what a template allows, or None.

    A number is wider when it is larger, a list when it has more in it, a yes when the template says no; a limit that the template
    has and the terms leave out is none, and so wider.  What is reported instead of refused is wider than what is refused.
    """
    for name, most in allowed.items():
        wish = asked.get(name)
        if (wish is None and name not in NO_BY_ITSELF) or (wish is not None and _is_wider(wish, most)):
            return name
    extra = (NO_BY_ITSELF | {"modes"}) & (asked.keys() - allowed.keys())
    return next((name for name in sorted(extra) if asked[name] not in (False, ["view"], [])), None)


def _is_wider(wish: object, most: object) -> bool:
    if isinstance(most, bool) or isinstance(wish, bool):
        return wish is True and most is not True
    if isinstance(most, int):
        return not isinstance(wish, int) or wish > most
    if isinstance(most, list):
        return not isinstance(wish, list) or not set(map(str, wish)) <= set(map(str, most))
    return wish != most


def _hours(stored: object) -> tuple[int, int] | None:
    if isinstance(stored, list) and len(stored) == 2 and all(type(one) is int for one in stored):
        return stored[0], stored[1]
    return None
