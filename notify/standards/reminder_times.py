"""When a reminder is due: days before a date, at a time of day where people are, whatever the clock does that night."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS_BEFORE_MAX = 400
MOMENTS_MAX = 12
DEFAULT_TIME = time(9, 0)
YEARS = range(2000, 3000)
DATE, DAYS_BEFORE, TIME = COLUMNS = ("reminder date", "reminder days before", "reminder time")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_SHORT_TIME = re.compile(r"\d:\d\d", re.ASCII)


class InvalidReminder(ValueError):
    """A row says when to remind in a way that cannot be read; the text names the column."""


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Give one moment in UTC.  A time that a change of clocks leaves out is that much later; one that comes twice is its first."""
    return datetime.combine(day, at.replace(fold=0), zone).astimezone(UTC)


def moments(day: date, days_before: Sequence[int], at: time, zone: ZoneInfo) -> list[datetime]:
    """Give the moments of one date, the earliest first, each once."""
    return sorted({moment(day - timedelta(days=days), at, zone) for days in days_before})


def read_day(text: str) -> date:
    """Read a date as ISO 8601 has it.  Raises: ValueError."""
    found = date.fromisoformat(text)
    if found.year not in YEARS:
        raise ValueError("not a year of ours")
    return found


def moments_ahead(cells: Mapping[str, str], zone: ZoneInfo, now: datetime) -> list[datetime] | None:
    """Read when a row of a table wants to remind, by the names in COLUMNS; None where it says nothing.

    Spreadsheets change how a date is written: the day may stand first.  Raises: InvalidReminder, also when all that is gone by.
    """
    day, days, at = (cells.get(name, "") for name in COLUMNS)
    if not day:
        if days or at:
            raise InvalidReminder(f"{DATE}: is missing")
        return None
    due = moments(_cell_day(day), _cell_days(days) if days else [0], _cell_time(at) if at else DEFAULT_TIME, zone)
    if not (ahead := [moment for moment in due if moment > now]):
        raise InvalidReminder(f"{DATE}: leaves no moment that is still to come")
    return ahead


def _cell_day(text: str) -> date:
    try:
        if found := _DAY_FIRST.fullmatch(text):
            text = f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}"
        return read_day(text)
    except ValueError:
        raise InvalidReminder(f"{DATE}: is not a date such as 2027-03-01 or 01-03-2027") from None


def _cell_days(text: str) -> list[int]:
    parts = re.split(r"[\s,;]+", text.removeprefix("[").removesuffix("]").strip())
    if not 1 <= len(parts) <= MOMENTS_MAX or not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        raise InvalidReminder(f"{DAYS_BEFORE}: is not 1 to {MOMENTS_MAX} whole numbers such as 30, 7, 1")
    if max(found := [int(part) for part in parts]) > DAYS_BEFORE_MAX:
        raise InvalidReminder(f"{DAYS_BEFORE}: goes up to {DAYS_BEFORE_MAX}")
    return found


def _cell_time(text: str) -> time:
    try:
        found = time.fromisoformat(f"0{text}" if _SHORT_TIME.fullmatch(text) else text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise InvalidReminder(f"{TIME}: is not a time such as 09:00")
    return found
