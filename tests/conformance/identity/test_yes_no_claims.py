"""Answers of yes or no that release no date of birth."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.operations import people, register
from identity.standards import yes_no
from identity.standards.oidc_claims import Facts
from shared.run import parse_run
from tests.factories.identity import PASSWORD, SECRET, House, web_client

BORN_TODAY_18_YEARS_AGO, YOUNGER_BY_A_DAY, UNKNOWN = "33333333-3", "44444444-4", "55555555-5"


@pytest.fixture
def ages(house: House) -> House:
    """Persons around the age of eighteen, and a client that may ask for ages."""
    today = yes_no.day_in_chile(house.clock.now())
    born = {BORN_TODAY_18_YEARS_AGO: date(today.year - 18, today.month, today.day), UNKNOWN: None}
    born[YOUNGER_BY_A_DAY] = born[BORN_TODAY_18_YEARS_AGO] + timedelta(days=1)  # type: ignore[operator]  # that one is a date
    for run, birth_date in born.items():
        facts = Facts(parse_run(run), ("Ana",), ("Rojas",), birth_date=birth_date)
        people.set_password(house.identity, people.create_person(house.identity, facts, actor="test"), PASSWORD, actor="test")
    register.create_client(
        house.identity, web_client(client_id="ages", scopes=("openid", "age"), sector="a.example"), actor="test", secret=SECRET
    )
    return house


def told(house: House, run: str, client_id: str = "ages", **changes: Any) -> dict[str, Any]:
    code = house.browser().sign_in(run, client_id=client_id, **changes)["code"]
    token = house.token(house.code_form(code, client_id=client_id)).json["access_token"]
    return dict(house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).json)


@pytest.mark.rule("identity", "§2.26", "UI-4")
@pytest.mark.parametrize(("run", "answer"), [(BORN_TODAY_18_YEARS_AGO, True), (YOUNGER_BY_A_DAY, False)])
def test_the_scope_age_answers_one_question_and_tells_no_date(ages: House, run: str, answer: bool) -> None:
    about = told(ages, run, scope="openid age")
    assert about == {"sub": about["sub"], "urn:andamio:age_over_18": answer}
    assert "date" not in json.dumps(about)


@pytest.mark.rule("identity", "AZ-19")
def test_other_ages_are_asked_for_one_by_one(ages: House) -> None:
    wish = {
        "userinfo": {"urn:andamio:age_over_14": None, "urn:andamio:age_over_65": None, "urn:andamio:age_over_17": None, "birthdate": None}
    }
    about = told(ages, BORN_TODAY_18_YEARS_AGO, scope="openid", claims=json.dumps(wish))
    assert about == {"sub": about["sub"], "urn:andamio:age_over_14": True, "urn:andamio:age_over_65": False}


@pytest.mark.rule("identity", "UI-4")
def test_who_is_not_known_by_age_gets_no_answer_and_who_may_not_ask_gets_none(ages: House) -> None:
    assert set(told(ages, UNKNOWN, scope="openid age")) == {"sub"}
    wish = json.dumps({"userinfo": {"urn:andamio:age_over_18": None}})
    assert set(told(ages, BORN_TODAY_18_YEARS_AGO, "web", scope="openid", claims=wish)) == {"sub"}


def test_the_day_is_the_one_in_chile() -> None:
    assert yes_no.day_in_chile(datetime(2026, 6, 8, 3, 59, tzinfo=UTC)) == date(2026, 6, 7)


@pytest.mark.parametrize(
    ("born", "on", "over_18"), [("2008-02-29", "2026-02-28", False), ("2008-02-29", "2026-03-01", True), ("2008-12-31", "2026-12-31", True)]
)
def test_birthdays(born: str, on: str, over_18: bool) -> None:
    assert yes_no.age_claims(date.fromisoformat(born), date.fromisoformat(on))["urn:andamio:age_over_18"] is over_18


@given(born=st.dates(date(1900, 1, 1), date(2026, 1, 1)), days=st.integers(0, 40_000))
def test_an_age_once_reached_is_never_lost(born: date, days: int) -> None:
    try:
        early, late = born + timedelta(days=days), born + timedelta(days=days + 1)
    except OverflowError:
        return
    before, after = yes_no.age_claims(born, early), yes_no.age_claims(born, late)
    assert all(after[name] or not before[name] for name in before)
    assert sorted(after.values(), reverse=True) == list(after.values()), "who is over 18 is over 14"
