"""The question after an interaction: one answer, nobody's."""

import re

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from shared.clock import FixedClock
from shared.context import Context
from shared.performance.answers import NoSuchQuestion, keep_answer, question_token, read_question
from shared.performance.tables import satisfaction_answered, satisfaction_days

DAY = 86_400


def token_of(context: Context, interaction: str = "i-1") -> str:
    return question_token(context, service="s1", product="errand", channel="web", interaction=interaction)


def send(client: FlaskClient, token: str, mark: str) -> tuple[int, str]:
    page = client.get(f"/feedback/{token}?lang=en").get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    answer = client.post(f"/feedback/{token}?lang=en", data={"csrf_token": found[1], "mark": mark})
    return answer.status_code, answer.get_data(as_text=True)


def marks(context: Context) -> dict[int, int]:
    with context.db.engine.connect() as connection:
        return {row.mark: row.answers for row in connection.execute(select(satisfaction_days))}


def test_an_answer_counts_once(counted: Context, client: FlaskClient) -> None:
    token = token_of(counted)
    assert "Your answer is counted." in send(client, token, "6")[1]
    assert "Each answer counts once." in send(client, token, "1")[1]
    assert "Your answer is counted." in send(client, token_of(counted, "i-2"), "6")[1]
    assert marks(counted) == {6: 2}


@pytest.mark.parametrize("mark", ["", "0", "8", "-1", "6.5", "six", "6 "])
def test_what_is_no_mark_is_asked_again(counted: Context, client: FlaskClient, mark: str) -> None:
    status, page = send(client, token_of(counted), mark)
    assert status == 422
    assert "Choose a mark from 1 to 7." in page
    assert marks(counted) == {}


def test_nothing_that_is_kept_tells_which_interaction_gave_which_mark(counted: Context, client: FlaskClient) -> None:
    send(client, token_of(counted, "pay-secret-id"), "2")
    with counted.db.engine.connect() as connection:
        kept = connection.execute(select(satisfaction_answered)).one()
        assert set(connection.execute(select(satisfaction_days)).one()._mapping) == {
            *("day", "service", "product", "channel", "mark", "answers")
        }
    assert b"pay-secret-id" not in kept.question
    assert "pay-secret-id" not in token_of(counted, "pay-secret-id")
    assert set(kept._mapping) == {"question", "expires_on"}


def test_the_same_interaction_asked_about_on_a_later_page_has_its_answer(counted: Context, clock: FixedClock) -> None:
    assert keep_answer(counted, read_question(counted, token_of(counted)), 7)
    clock.advance(seconds=20 * DAY)
    assert not keep_answer(counted, read_question(counted, token_of(counted)), 1)


def test_a_question_ends_after_two_weeks(counted: Context, clock: FixedClock, client: FlaskClient) -> None:
    token = token_of(counted)
    clock.advance(seconds=14 * DAY)
    assert client.get(f"/feedback/{token}").status_code == 200
    clock.advance(seconds=DAY)
    assert client.get(f"/feedback/{token}").status_code == 404


@given(text=st.text(max_size=80))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_made_up_question_is_none(counted: Context, text: str) -> None:
    with pytest.raises(NoSuchQuestion):
        read_question(counted, text)


def test_a_changed_question_is_none(counted: Context) -> None:
    token = token_of(counted)
    for at in range(0, len(token), 7):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(NoSuchQuestion):
            read_question(counted, changed)
