"""Days typed as day, month and year."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.dates import day_parts, read_day


def form(day: str, month: str, year: str) -> dict[str, str]:
    return {"until-day": day, "until-month": month, "until-year": year}


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_each_day_is_read_as_it_was_typed(day: date) -> None:
    typed = form(f" {day.day}", f"{day.month:02}", str(day.year))
    assert read_day(typed, "until") == day
    assert day_parts(typed, "until")["day"] == str(day.day)


def test_three_empty_fields_are_no_day() -> None:
    assert read_day({}, "until") is None
    assert read_day(form(" ", "", ""), "until") is None


@pytest.mark.parametrize(
    "typed",
    [
        ("31", "2", "2026"),
        ("1", "", "2026"),
        ("1", "1", "26"),
        ("-1", "1", "2026"),
        ("1", "enero", "2026"),
        ("١", "1", "2026"),
        ("1", "1", "9999"),
    ],
)
def test_what_makes_no_day_names_the_first_field(typed: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="until-day"):
        read_day(form(*typed), "until")
