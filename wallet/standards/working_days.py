"""Working days of administrative law: neither Saturdays, Sundays nor holidays count.  Spec: Ley 19.880 art. 25; wallet contract §9, L14."""

from collections.abc import Callable
from datetime import date, timedelta

import holidays

Table = Callable[[int], frozenset[date]]
"""The holidays of a year.  Raises: NoHolidayTable."""


class NoHolidayTable(Exception):
    """The holidays of a year are not known: no date can be named."""


def chilean_holidays(year: int) -> frozenset[date]:
    """Return the holidays of Chile in a year.  Raises: NoHolidayTable."""
    try:
        found = frozenset(holidays.country_holidays("CL", years=[year]))
    except (NotImplementedError, AttributeError, ValueError) as error:
        raise NoHolidayTable(str(year)) from error
    if not found:
        raise NoHolidayTable(str(year))
    return found


def is_working_day(day: date, table: Table) -> bool:
    """Answer whether a day counts.  Raises: NoHolidayTable."""
    return day.weekday() < 5 and day not in table(day.year)


def add_working_days(start: date, count: int, table: Table) -> date:
    """Return the last day of a time of so many working days that begins the day after `start`.  Raises: NoHolidayTable."""
    day = start
    while count > 0:
        day += timedelta(days=1)
        if is_working_day(day, table):
            count -= 1
    return day
