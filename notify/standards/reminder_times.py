"""When a reminder is due: days before a date, at a time of day where people are, whatever the clock does that night."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Give one moment in UTC.  A time that a change of clocks leaves out is that much later; one that comes twice is its first."""
    return datetime.combine(day, at.replace(fold=0), zone).astimezone(UTC)


def moments(day: date, days_before: Sequence[int], at: time, zone: ZoneInfo) -> list[datetime]:
    """Give the moments of one date, the earliest first, each once."""
    return sorted({moment(day - timedelta(days=days), at, zone) for days in days_before})
