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


def first_broken(limits: Limits, asked: Asked) -> str | None:
    """Return the name of the first limit that is broken, or None."""
    broken = (
        ("fields_max", not asked.fields <= limits.fields_max),
        ("sensitive_allowed", asked.any_sensitive and not limits.sensitive_allowed),
        ("modes", asked.mode not in limits.modes),
        ("max_duration", _over(asked.duration_seconds, limits.duration_seconds_max)),
        ("max_uses", _over(asked.uses, limits.uses_max)),
        ("max_frequency", _over(asked.per_day, limits.frequency_per_day_max)),
    )
    return next((name for name, is_broken in broken if is_broken), None)


def _over(asked: int | None, limit: int | None) -> bool:
    return asked is not None and limit is not None and asked > limit
