"""Times as the published clients read them.  Spec: notify-api §5.1."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

CUT_OFF = (17, 30)
"""What is made later in the day goes to print a day later.  Spec: notify-api §17."""
_OFFSET_CHARACTERS = len("+00:00")


def wire_time(at: datetime | None) -> str | None:
    """Write `YYYY-MM-DDTHH:MM:SS.ffffffZ`, or nothing for nothing."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-_OFFSET_CHARACTERS] + "Z" if at else None


def add_working_days(start: datetime, days: int) -> datetime:
    """Go forward by working days (Monday to Friday)."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


_DAYS_IN_POST = {"first": 1, "second": 4, "economy": 6, "europe": 5, "rest-of-world": 7}


def estimated_delivery(created_at: datetime, postage: str, clock: ZoneInfo) -> datetime:
    """Say when a letter should arrive at the latest, by the post's clock: printed the next working day after the cut-off, then the post."""
    made = created_at.astimezone(clock)
    handed_in = made + timedelta(days=1) if (made.hour, made.minute) >= CUT_OFF else made
    printed = add_working_days(handed_in, 1)
    return add_working_days(printed, _DAYS_IN_POST[postage]).replace(hour=16, minute=0, second=0, microsecond=0)
