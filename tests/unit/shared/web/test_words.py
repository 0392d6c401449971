from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web import words
from shared.web.words import clp, code, day, dial, gettext, moment, ngettext, number, period, phone, run, speaking

AFTERNOON = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _catalogue() -> None:
    words.load("shared.web")


@pytest.mark.parametrize(
    ("given_run", "written"),
    [
        ("12345678-5", "12.345.678-5"),
        ("12.345.678-5", "12.345.678-5"),
        ("44444444k", "44.444.444-K"),
        ("1-9", "1-9"),
        ("abc", "abc"),
        ("", ""),
    ],
)
def test_run(given_run: str, written: str) -> None:
    assert run(given_run) == written


@pytest.mark.parametrize(("amount", "written"), [(14500, "$14.500"), (0, "$0"), (-14500, "-$14.500"), (1234567, "$1.234.567")])
def test_pesos_have_no_decimals_and_look_the_same_in_every_language(amount: int, written: str) -> None:
    for language in ("es", "en"):
        with speaking(language):
            assert clp(amount) == written


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_no_peso_is_lost_in_writing(amount: int) -> None:
    assert int(clp(amount).replace("$", "").replace(".", "")) == amount


def test_times_are_santiago_s_in_the_words_of_the_language() -> None:
    with speaking("es"):
        assert (day(AFTERNOON), moment(AFTERNOON)) == ("21 de noviembre de 2026", "21 de noviembre de 2026, 14:05")
    with speaking("en"):
        assert (day(AFTERNOON), moment(AFTERNOON)) == ("21 November 2026", "21 November 2026, 2:05pm")


def test_a_moment_after_midnight_utc_is_still_the_day_before_in_santiago_and_a_date_stays_itself() -> None:
    assert day(datetime(2026, 11, 22, 1, 0, tzinfo=UTC)) == "21 de noviembre de 2026"
    assert day(date(2026, 11, 22)) == "22 de noviembre de 2026"


@pytest.mark.parametrize(
    ("given_phone", "written"),
    [
        ("+56912345678", "+56 9 1234 5678"),
        ("912345678", "+56 9 1234 5678"),
        ("+56221234567", "+56 2 2123 4567"),
        ("800 123 456", "800 123 456"),
        ("+4915112345678", "+49 1511 2345678"),
        ("call me", "call me"),
        ("12", "12"),
    ],
)
def test_phone(given_phone: str, written: str) -> None:
    assert phone(given_phone) == written


def test_a_tel_link_dials_digits_only() -> None:
    assert dial("9 1234 5678") == "+56912345678"
    assert dial("800 123 456") == "800123456"


def test_codes_are_in_groups_of_four() -> None:
    assert code("7kqm-x2pd9") == "7kqm x2pd 9"


def test_numbers_and_periods_follow_the_language() -> None:
    with speaking("es"):
        assert (number(52310), period(timedelta(minutes=30)), period(timedelta(days=3))) == ("52.310", "30 minutos", "3 días")
    with speaking("en"):
        assert (number(52310), period(timedelta(seconds=1)), period(timedelta(hours=3))) == ("52,310", "1 minute", "3 hours")


def test_an_untranslated_message_stays_in_english_and_values_are_filled_in() -> None:
    assert gettext("No such message %(x)s", x=1) == "No such message 1"
    assert gettext("") == ""
    with speaking("es"):
        assert gettext("You are acting for %(name)s", name="100% José") == "Usted actúa por 100% José"
        assert ngettext("%(n)s day", "%(n)s days", 1) == "1 día"


def test_an_unknown_language_is_the_default_and_speaking_ends_where_it_began() -> None:
    before = words.language()
    with speaking("tlh"):
        assert words.language() == "es"
    assert words.language() == before
