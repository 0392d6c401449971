"""Times as the published clients read them.  Spec: notify-api §5.1."""

from datetime import UTC, datetime, timedelta

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


def estimated_delivery(created_at: datetime, postage: str) -> datetime:
    """Say when a letter should arrive at the latest: printed the next working day after 17:30's cut-off, then the post.  Spec: §17."""
    late = (created_at.hour, created_at.minute) >= (17, 30)
    handed_in = created_at + timedelta(days=1) if late else created_at
    printed = add_working_days(handed_in, 1)
    return add_working_days(printed, _DAYS_IN_POST[postage]).replace(hour=16, minute=0, second=0, microsecond=0)
