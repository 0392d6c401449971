"""Answers of yes or no that are derived from a fact and do not tell it: "is 18 or older" without the date of birth."""

from datetime import UTC, date, datetime, time

from identity.standards.acr import NS
from shared.clock import ZONE

AGES = (14, 16, 18, 60, 65)
"""The ages that Chilean law asks about: account, work, full age, and the two of pensions."""
PREFIX = NS + "age_over_"
AGE_CLAIMS = tuple(f"{PREFIX}{years}" for years in AGES)


def day_in_chile(moment: datetime) -> date:
    """Return the calendar day on which ages count."""
    return moment.astimezone(ZONE).date()


def begin_of_day(day: date) -> datetime:
    """Return the moment at which a day begins in Chile."""
    return datetime.combine(day, time.min, ZONE).astimezone(UTC)


def age_claims(birth_date: date | None, on: date | None) -> dict[str, bool]:
    """Return each answer; none where the date is not known."""
    if birth_date is None or on is None:
        return {}
    return {claim: _completed(birth_date, on) >= years for claim, years in zip(AGE_CLAIMS, AGES, strict=True)}


def _completed(birth_date: date, on: date) -> int:
    """Return the years that somebody has completed; who was born on 29 February completes one on 1 March."""
    before_birthday = (on.month, on.day) < (birth_date.month, birth_date.day)
    return on.year - birth_date.year - before_birthday


def birthday(birth_date: date, years: int) -> date:
    """Return the day on which somebody completes years, by the same count."""
    try:
        return birth_date.replace(year=birth_date.year + years)
    except ValueError:
        return date(birth_date.year + years, 3, 1)


def shown(claim: str, is_so: bool) -> str:
    """Return an answer as a person reads it: `18+`, or `< 18`."""
    years = claim.removeprefix(PREFIX)
    return f"{years}+" if is_so else f"< {years}"
