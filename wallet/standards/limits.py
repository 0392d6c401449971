"""Limits of an agreement, judged at the request and again at each fetch.  Spec: wallet contract §9."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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

    @classmethod
    def read(cls, stored: Mapping[str, object], fields: frozenset[str]) -> "Limits":
        """Read the `limits` member of an agreement; `fields` are the agreed ones of the dataset."""

        def number(name: str) -> int | None:
            value = stored.get(name)
            return value if isinstance(value, int) else None

        modes = stored.get("modes")
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


def first_broken(limits: Limits, asked: Asked) -> str | None:
    """Return the name of the first limit that is broken, or None."""
    broken = (
        ("fields_max", not asked.fields <= limits.fields_max),
        ("sensitive_allowed", asked.any_sensitive and not limits.sensitive_allowed),
        ("modes", asked.mode not in limits.modes),
        ("max_duration", _over(asked.duration_seconds, limits.duration_seconds_max)),
        ("max_uses", _over(asked.uses, limits.uses_max)),
        ("max_frequency", _over(asked.per_day, limits.frequency_per_day_max)),
        ("max_data_period", _over(asked.data_period_days, limits.data_period_days_max)),
        ("max_retention", _over(asked.retention_days, limits.retention_days_max)),
        ("hours", asked.hour is not None and limits.hours is not None and not limits.hours[0] <= asked.hour < limits.hours[1]),
    )
    return next((name for name, is_broken in broken if is_broken), None)


def _over(asked: float | None, limit: int | None) -> bool:
    return asked is not None and limit is not None and asked > limit


def wider_than(asked: Mapping[str, object], allowed: Mapping[str, object]) -> str | None:
    """Return the name of the first limit that is wider than what a template allows, or None.

    A number is wider when it is larger, a list when it has more in it, a yes when the template says no; a limit that the template
    has and the terms leave out is none, and so wider.
    """
    for name, most in allowed.items():
        wish = asked.get(name)
        if wish is None or _is_wider(wish, most):
            return name
    extra = {"sensitive_allowed", "modes"} & (asked.keys() - allowed.keys())
    return next((name for name in sorted(extra) if asked[name] not in (False, ["view"])), None)


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
