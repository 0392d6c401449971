"""Days that people type as day, month and year: three fields, no calendar to open."""

from collections.abc import Mapping
from datetime import date

PARTS = ("day", "month", "year")
YEARS = range(1900, 2200)


def day_parts(form: Mapping[str, str], name: str) -> dict[str, str]:
    """Return what was typed into the three fields of a day, to show it again."""
    return {part: form.get(f"{name}-{part}", "").strip()[:8] for part in PARTS}


def read_day(form: Mapping[str, str], name: str) -> date | None:
    """Return the day of the fields `name-day`, `name-month`, `name-year`; None when all are empty.

    Raises: ValueError with the id of the first field, when they make no day.
    """
    typed = day_parts(form, name)
    if not any(typed.values()):
        return None
    try:
        day, month, year = (int(typed[part]) for part in PARTS if typed[part].isascii() and typed[part].isdecimal())
        if year not in YEARS:
            raise ValueError
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{name}-day") from None
