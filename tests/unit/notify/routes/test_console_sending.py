"""Sending by hand in the console: one person, looked at first, now or later, and taken back.  Spec: requirements NO-3; notify-api §20."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from notify.context import Notify
from notify.models import Service
from shared.clock import FixedClock
from tests.factories.notify import ADDRESS, World, add_guest, add_notification
from tests.factories.notify_console import actions, home, soup, submit
from tests.factories.notify_fixtures import RunJobs


@pytest.mark.rule("notify", "§20", "§12")
def test_one_message_is_filled_in_looked_at_and_sent(
    team: Callable[..., FlaskClient], world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['sms']}/send"
    wrong = submit(client, path, {"recipient": "123", "value-name": "Camila"})
    assert [link["href"] for link in soup(wrong).select(".govuk-error-summary a")] == ["#recipient", "#value-2"]
    values = {"recipient": "07700 900 001", "value-name": "Camila", "value-amount": "$1"}
    checked = submit(client, path, values)
    assert "Hola Camila: recibimos su pago de $1." in soup(checked).select_one(".message").text  # type: ignore[union-attr]
    assert notify.sms.messages == []  # type: ignore[attr-defined]  # nothing leaves before the person says so
    sent = submit(client, path, values | {"send": "1"})
    assert sent.status_code == 303
    run_jobs()
    (text_message,) = notify.sms.messages  # type: ignore[attr-defined]
    assert text_message.to == "447700900001"
    assert "Handed over" in client.get(sent.headers["Location"] + "?lang=en").text
    assert any("notify:notification:accepted" in core and "staff:staff-1" in core for core in actions(notify))
    assert any("notify:notification:viewed" in core for core in actions(notify))


@pytest.mark.rule("notify", "§20")
def test_the_same_button_pressed_twice_sends_once(
    team: Callable[..., FlaskClient], world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['sms']}/send"
    values = {"recipient": "07700900001", "value-name": "Camila", "value-amount": "$1"}
    button = soup(submit(client, path, values)).select_one("input[name=press]")
    assert button is not None
    pressed = values | {"press": str(button["value"]), "send": "1"}
    first, second = (submit(client, path, pressed).headers["Location"] for _ in range(2))
    assert first == second
    assert submit(client, path, pressed | {"value-name": "José"}).headers["Location"] != first  # other words are another message
    assert submit(client, path, pressed | {"press": "x"}).headers["Location"] != first
    run_jobs()
    assert len(notify.sms.messages) == 3  # type: ignore[attr-defined]


@pytest.mark.rule("notify", "NO-14")
def test_a_reminder_is_set_once_however_often_the_button_is_pressed(team: Callable[..., FlaskClient], world: World) -> None:
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['sms']}/remind"
    button = soup(client.get(path)).select_one("input[name=press]")
    assert button is not None
    form = {"recipient": "07700900003", "value-name": "Camila", "value-amount": "$1", "date": "2026-07-08", "days_before": "10"}
    for _ in range(2):
        assert submit(client, path, form | {"press": str(button["value"])}).status_code == 303
    assert len(soup(client.get(f"{home(world)}/reminders")).select("tbody tr")) == 1


@pytest.mark.rule("notify", "§17")
def test_a_letter_that_a_printer_may_have_is_not_taken_back(team: Callable[..., FlaskClient], world: World) -> None:
    """It was offered, and no answer came: it may be on paper."""
    client, offered = team("agent"), add_notification(world, "letter", to="Camila", provider="print", attempts=1)
    path = f"{home(world)}/messages/{offered}"
    assert soup(client.get(path)).select("#cancel") == []
    assert submit(client, path + "/cancel", page=f"{home(world)}/messages").status_code == 422


def test_a_letter_by_hand_says_what_is_wrong_with_its_address(team: Callable[..., FlaskClient], world: World) -> None:
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['letter']}/send"
    wrong = submit(client, path, {"value-address_line_1": "Camila", "value-name": "C", "value-amount": "1"})
    assert [link["href"] for link in soup(wrong).select(".govuk-error-summary a")] == ["#value-1"]
    right = submit(client, path, {f"value-{key}": value for key, value in ADDRESS.items()} | {"value-name": "C", "value-amount": "1"})
    assert right.status_code == 200
    assert soup(right).select("img.message__page")


@pytest.mark.rule("notify", "§12")
def test_on_trial_a_person_sends_to_the_team_only(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(restricted=True))
    notify.catalogue.forget()
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['email']}/send"
    form = {"recipient": "a@b.com", "value-name": "C", "value-amount": "1", "send": "1"}
    assert submit(client, path, form).status_code == 422
    add_guest(world, "a@b.com")
    assert submit(client, path, form).status_code == 303


def test_the_key_that_stands_for_the_console_is_shown_to_nobody(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    path = f"{home(world)}/templates/{world.templates['email']}/send"
    client = team("owner")
    submit(client, path, {"recipient": "a@b.com", "value-name": "C", "value-amount": "1", "send": "1"})
    listed = client.get(home(world) + "/settings/keys").text
    assert "console" not in soup(client.get(home(world) + "/settings/keys")).main.text  # type: ignore[union-attr]
    assert listed.count("<tr") == 4  # the heading and the three of the world
    notify.catalogue.forget()
    known = notify.catalogue.find_service(world.service_id)
    assert known is not None
    (key,) = (key for key in known.keys if key.id == uuid.uuid5(world.service_id, "console"))
    assert key.secret not in listed


@pytest.mark.rule("notify", "§17", "§20")
def test_what_has_not_left_is_taken_back_by_a_person(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    later = notify.clock.now() + timedelta(hours=1)
    waiting, letter = add_notification(world, "sms", scheduled_for=later), add_notification(world, "letter", to="Camila")
    gone = add_notification(world, "sms", status="sending")
    client = team("agent")
    for made in (waiting, letter):
        path = f"{home(world)}/messages/{made}"
        assert submit(client, path + "/cancel", page=path).status_code == 303
        assert "Detenido" in client.get(path).text
        assert soup(client.get(path)).select("#cancel") == []
    shown = f"{home(world)}/messages/{gone}"
    assert soup(client.get(shown)).select("#cancel") == []
    late = submit(client, shown + "/cancel", page=f"{home(world)}/messages")
    assert (late.status_code, "Ya no se puede detener" in late.text) == (422, True)
    unknown = f"{home(world)}/messages/{uuid.uuid4()}/cancel"
    assert submit(client, unknown, page=f"{home(world)}/messages").status_code == 404
    assert submit(team("auditor"), f"{home(world)}/messages/{waiting}/cancel", page=f"{home(world)}/messages").status_code == 403
    assert sum("notification:cancelled" in core and "staff:staff-1" in core for core in actions(notify)) == 2


@pytest.mark.rule("notify", "§20")
def test_a_message_is_sent_at_a_moment_that_a_person_chose(
    team: Callable[..., FlaskClient], world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['sms']}/send"
    form = {"recipient": "07700900003", "value-name": "C", "value-amount": "1", "send": "1"}
    local = clock.now().astimezone(notify.zone)
    for wrong in (local - timedelta(minutes=1), local + timedelta(hours=25), "mañana", "2026-13-40T99:99"):
        typed = wrong if isinstance(wrong, str) else f"{wrong:%Y-%m-%dT%H:%M}"
        refused = submit(client, path, form | {"when": typed})
        assert (refused.status_code, [link["href"] for link in soup(refused).select(".govuk-error-summary a")]) == (422, ["#when"])
    assert submit(client, path, form | {"when": f"{local + timedelta(hours=2):%Y-%m-%dT%H:%M}"}).status_code == 303
    run_jobs()
    assert notify.sms.messages == []  # type: ignore[attr-defined]  # the one in memory
    clock.advance(seconds=2 * 3600)
    run_jobs()
    assert len(notify.sms.messages) == 1  # type: ignore[attr-defined]
