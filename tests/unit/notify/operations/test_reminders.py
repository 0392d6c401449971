"""Reminders ahead of a date: set, sent when due, cancelled, and what the clocks do.  Spec: requirements NO-14."""

import uuid
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from notify.context import Notify
from notify.models import ApiKey, Service
from notify.models.reminder import REMINDERS, ReminderState
from notify.models.standing import ServiceStanding, Standing
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.operations.mailbox import mark_read
from notify.operations.preferences import Preference, keep_preference
from notify.operations.reminders import send_due_reminders
from notify.standards.reminder_times import moment, moments
from notify.standards.statuses import Channel
from shared.auth import Caller
from shared.clock import FixedClock
from tests.factories.notify import VALUES, World, add_notification
from tests.factories.notify_console import ORG, sign_in, soup, submit

SANTIAGO = ZoneInfo("America/Santiago")
PATH = "/v2/reminders"
Body = dict[str, Any]


def asked(world: World, **more: Any) -> Body:
    known = {"template_id": str(world.templates["sms"]), "phone_number": "07700900003", "personalisation": VALUES}
    return known | {"date": "2026-07-08", "days_before": [30, 7], "reference": "licencia-1"} | more


def post(client: FlaskClient, world: World, body: Body, **headers: str) -> Any:
    return client.post(PATH, json=body, headers=world.headers() | headers)


def states(client: FlaskClient, world: World, made: Body) -> list[str]:
    shown = client.get(f"{PATH}/{made['id']}", headers=world.headers()).get_json()
    return [each["state"] for each in shown["reminders"]]


def at(clock: FixedClock, when: datetime) -> None:
    clock.advance(seconds=(when - clock.now()).total_seconds())


def test_reminders_are_sent_at_their_moments_once(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    answer = post(client, world, asked(world))
    assert answer.status_code == 201, answer.text
    made = answer.get_json()
    # It is 8 June 16:00 UTC: thirty days before at nine has gone by.
    assert [each["due_at"] for each in made["reminders"]] == ["2026-07-01T13:00:00.000000Z"]
    made = post(client, world, asked(world, date="2026-07-10")).get_json()
    assert [each["due_at"] for each in made["reminders"]] == ["2026-06-10T13:00:00.000000Z", "2026-07-03T13:00:00.000000Z"]
    assert send_due_reminders(notify) == 0
    at(clock, datetime(2026, 6, 10, 13, 0, tzinfo=UTC))
    assert send_due_reminders(notify) == 1
    assert send_due_reminders(notify) == 0
    assert states(client, world, made) == ["sent", "waiting"]
    (found,) = client.get("/v2/notifications?reference=licencia-1", headers=world.headers()).get_json()["notifications"]
    shown = client.get(f"{PATH}/{made['id']}", headers=world.headers()).get_json()
    assert (found["id"], found["status"]) == (shown["reminders"][0]["notification_id"], "created")


@pytest.mark.rule("notify", "§12")
def test_a_test_key_cancels_no_reminder_of_a_live_one(client: FlaskClient, world: World) -> None:
    for kind, status in (("normal", 403), ("test", 200)):
        made = client.post(PATH, json=asked(world), headers=world.headers(kind)).get_json()["id"]
        assert client.post(f"{PATH}/{made}/cancel", headers=world.headers("test")).status_code == status


def test_what_waits_can_be_cancelled_and_what_was_sent_stays(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    made = post(client, world, asked(world, date="2026-07-10")).get_json()
    at(clock, datetime(2026, 6, 10, 13, 1, tzinfo=UTC))
    send_due_reminders(notify)
    for _ in range(2):
        cancelled = client.post(f"{PATH}/{made['id']}/cancel", headers=world.headers())
        assert [each["state"] for each in cancelled.get_json()["reminders"]] == ["sent", "cancelled"]
    at(clock, datetime(2026, 7, 4, 13, 1, tzinfo=UTC))
    assert send_due_reminders(notify) == 0
    assert client.get(PATH, headers=world.headers()).get_json() == {"reminders": [], "next_after": None}


def test_a_reminder_while_a_mailbox_message_is_unread(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    unread, opened = (add_notification(world, "mailbox", to=f"run:{run}") for run in ("11111111-1", "22222222-2"))
    for each in (unread, opened):
        deliver(notify, each, channels.send_mailbox)
    made = []
    for each in (unread, opened):
        body = asked(world, unread_id=str(each), after_days=[2])
        del body["date"], body["days_before"]
        made.append(post(client, world, body).get_json())
    mark_read(notify, Caller("portal", "s", frozenset(), {"run": "22222222-2"}), opened)
    clock.advance(seconds=3 * 24 * 3600)
    assert send_due_reminders(notify) == 1
    assert [states(client, world, each) for each in made] == [["sent"], ["not-needed"]]


def test_what_can_no_longer_be_sent_is_said(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    made = post(client, world, asked(world, date="2026-06-20")).get_json()
    with notify.db.begin() as connection:
        connection.execute(update(ApiKey).where(ApiKey.id == world.key_ids["normal"]).values(revoked_at=clock.now()))
    clock.advance(seconds=20 * 24 * 3600)
    assert send_due_reminders(notify) == 0
    shown = client.get(f"{PATH}/{made['id']}", headers=world.headers("team")).get_json()
    assert [(each["state"], each["fault"]) for each in shown["reminders"]] == [("refused", "the key was revoked, or the service closed")]


def test_one_that_cannot_be_read_any_more_holds_nobody_up(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    """Numbers are read by another country's rules than when it was set."""
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(number_region="CL"))
    notify.catalogue.forget()
    bad = post(client, world, asked(world, phone_number="9 1234 5678", date="2026-06-20")).get_json()
    good = post(client, world, asked(world, phone_number="+56 9 1234 5678", date="2026-06-21")).get_json()
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(number_region="GB"))
    notify.catalogue.forget()
    clock.advance(seconds=20 * 24 * 3600)
    assert send_due_reminders(notify) == 1
    assert [states(client, world, each) for each in (bad, good)] == [["refused"], ["sent"]]


def test_a_limit_of_the_day_only_delays(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    made = post(client, world, asked(world, date="2026-06-20")).get_json()
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(daily_sms=0))
    clock.advance(seconds=20 * 24 * 3600)
    assert send_due_reminders(notify) == 0
    assert states(client, world, made) == ["waiting"]
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(daily_sms=10))
    clock.advance(seconds=301)
    assert send_due_reminders(notify) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"date": "tomorrow"}, "date is not a date such as 2027-03-01"),
        ({"date": "2026-01-01"}, "date leaves no moment that is still to come"),
        ({"days_before": []}, "days_before is a list of 1 to 12 whole numbers"),
        ({"days_before": [401]}, "days_before is a list of numbers from 0 to 400"),
        ({"days_before": 7}, "days_before 7 is not of type array"),
        ({"at": "25:00"}, "at is not a time such as 09:00"),
        ({"at": "09:00+02:00"}, "at has no offset: it is the time where people are"),
        ({"unread_id": str(uuid.UUID(int=1))}, "Send date (with days_before), or unread_id (with after_days)"),
        ({"email_address": "a@b.com"}, "Send one of phone_number, email_address, recipient"),
        ({"personalisation": {}}, "Missing personalisation: name, amount"),
        ({"template_id": str(uuid.UUID(int=1))}, "Template not found"),
        ({"phone_number": "1"}, "phone_number Not enough digits"),
    ],
)
def test_what_is_wrong_is_said(client: FlaskClient, world: World, change: Body, message: str) -> None:
    answer = post(client, world, asked(world) | change)
    assert (answer.status_code, answer.get_json()["errors"][0]["message"]) == (400, message)


def test_others_reminders_are_not_there(client: FlaskClient, world: World) -> None:
    assert client.get(f"{PATH}/{uuid.uuid4()}", headers=world.headers()).status_code == 404
    assert client.post(f"{PATH}/{uuid.uuid4()}/cancel", headers=world.headers()).status_code == 404


def test_the_same_key_sets_them_once(client: FlaskClient, world: World) -> None:
    first, again = (post(client, world, asked(world), **{"Idempotency-Key": "k"}).get_json() for _ in range(2))
    assert first == again
    assert len(client.get(PATH, headers=world.headers()).get_json()["reminders"]) == 1


def test_staff_set_and_take_back_reminders_without_code(app: Flask, world: World, notify: Notify) -> None:
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    person, base = sign_in(app, f"{ORG}:agent"), f"/services/{world.service_id}"
    form = {"recipient": "07700900003", "value-name": "Camila", "value-amount": "$1", "date": "2026-07-08", "days_before": "10, 1"}
    page = f"{base}/templates/{world.templates['sms']}/remind"
    assert submit(person, page, form | {"date": ""}).status_code == 422
    assert submit(person, page, form | {"days_before": "x"}).status_code == 422
    assert submit(person, page, form | {"recipient": "1"}).status_code == 422
    assert submit(person, page, form).status_code == 303
    listed = soup(person.get(base + "/reminders")).select("tbody tr")
    assert len(listed) == 2
    cancel = listed[0].select_one("form")
    assert cancel is not None
    assert submit(person, str(cancel["action"]), page=base + "/reminders").status_code == 303
    assert not soup(person.get(base + "/reminders")).select("tbody tr")


@pytest.mark.parametrize(
    ("day", "at_time", "expected"),
    [
        (date(2026, 6, 8), time(9, 0), datetime(2026, 6, 8, 13, 0, tzinfo=UTC)),  # winter, -4
        (date(2026, 12, 8), time(9, 0), datetime(2026, 12, 8, 12, 0, tzinfo=UTC)),  # summer, -3
        # The clocks of Chile leave out 00:00-01:00 of 6 September 2026, and have 23:00-24:00 of 4 April 2026 twice.
        (date(2026, 9, 6), time(0, 30), datetime(2026, 9, 6, 4, 30, tzinfo=UTC)),
        (date(2026, 4, 4), time(23, 30), datetime(2026, 4, 5, 2, 30, tzinfo=UTC)),
    ],
)
def test_nine_is_nine_whatever_the_clocks_do(day: date, at_time: time, expected: datetime) -> None:
    assert moment(day, at_time, SANTIAGO) == expected


@given(st.dates(date(2020, 1, 1), date(2035, 12, 31)), st.lists(st.integers(0, 400), min_size=1, max_size=12), st.times())
def test_every_date_has_its_moments_in_order_and_each_once(day: date, days: list[int], at_time: time) -> None:
    at_time = at_time.replace(tzinfo=None, fold=0)
    found = moments(day, days, at_time, SANTIAGO)
    assert found == sorted(set(found))
    assert len(found) <= len(set(days))
    assert all((day - each.astimezone(SANTIAGO).date()).days in {*days, *(number - 1 for number in days)} for each in found)


def test_a_reminder_ends_once() -> None:
    assert REMINDERS.finals() == set(ReminderState) - {ReminderState.WAITING}


def to_person(world: World, **more: Any) -> Body:
    templates = {name: str(world.templates[name]) for name in ("email", "sms")}
    known = {"person": "12345678-5", "templates": templates, "email_address": "a@example.com", "personalisation": VALUES}
    return known | {"date": "2026-07-10", "days_before": [30], "reference": "p-1"} | more


@pytest.mark.rule("notify", "NO-14", "NO-15")
def test_a_person_is_reminded_the_way_the_person_wants_on_that_day(
    client: FlaskClient, world: World, notify: Notify, clock: FixedClock
) -> None:
    made = post(client, world, to_person(world)).get_json()
    caller = Caller("portal", "pairwise-1", frozenset(), {"run": "12345678-5"})
    keep_preference(notify, caller, Preference((Channel.SMS,), phone="+56 9 1234 5678"))
    at(clock, datetime(2026, 6, 10, 13, 0, tzinfo=UTC))
    assert send_due_reminders(notify) == 1
    assert states(client, world, made) == ["sent"]
    (found,) = client.get("/v2/notifications?reference=p-1", headers=world.headers()).get_json()["notifications"]
    assert (found["type"], found["phone_number"]) == ("sms", "+56912345678")


@pytest.mark.rule("notify", "NO-14", "NO-15")
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"template_id": str(uuid.uuid4())}, "Send template_id with an address, or person with templates"),
        ({"templates": None}, "templates None is not of type object"),
        ({"person": "x"}, "person Not a valid RUN or subject identifier"),
        ({"personalisation": {}}, "Missing personalisation: name, amount"),
        ({"templates": {"letter": str(uuid.uuid4())}}, "Template not found"),
        ({"date": "2026-06-01"}, "date leaves no moment that is still to come"),
    ],
)
def test_what_cannot_be_said_to_a_person_is_refused_at_once(client: FlaskClient, world: World, more: Body, message: str) -> None:
    refused = post(client, world, to_person(world) | more)
    assert (refused.status_code, refused.get_json()["errors"][0]["message"]) == (400, message)


def pause(world: World, *, paused: bool) -> None:
    with world.notify.db.begin() as connection:
        connection.execute(delete(ServiceStanding))
        if paused:
            counted = {"mails": 100, "bounces": 20, "complaints": 0}
            row = {"service_id": world.service_id, "state": Standing.PAUSED.value, "since": world.notify.clock.now(), **counted}
            connection.execute(insert(ServiceStanding).values(row))
    world.notify.catalogue.forget()


@pytest.mark.rule("notify", "NO-14", "NO-15")
def test_a_reminder_to_a_person_waits_while_the_e_mails_of_its_service_are_paused(
    client: FlaskClient, world: World, notify: Notify, clock: FixedClock
) -> None:
    made = post(client, world, to_person(world, templates={"email": str(world.templates["email"])})).get_json()
    at(clock, datetime(2026, 6, 10, 13, 0, tzinfo=UTC))
    pause(world, paused=True)
    assert send_due_reminders(notify) == 0
    assert states(client, world, made) == ["waiting"]
    pause(world, paused=False)
    clock.advance(seconds=301)
    assert send_due_reminders(notify) == 1
    assert states(client, world, made) == ["sent"]


@pytest.mark.rule("notify", "NO-14", "NO-15")
def test_a_reminder_to_a_person_goes_through_every_check_of_a_send(client: FlaskClient, world: World) -> None:
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(restricted=True))
    world.notify.catalogue.forget()
    refused = post(
        client, world, to_person(world, templates={"email": str(world.templates["email"])}, email_address="stranger@example.com")
    )
    assert (refused.status_code, refused.get_json()["errors"][0]["error"]) == (400, "BadRequestError")
