"""Rows of bulk jobs that are reminders ahead of a date.  Spec: requirements NO-14; notify-api §20 (jobs)."""

import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from notify.context import Notify
from notify.models import Service
from notify.operations import reminders
from notify.operations.reminders import send_due_reminders
from notify.standards.reminder_times import COLUMNS, InvalidReminder, moments_ahead
from shared.clock import FixedClock
from tests.factories.notify import World
from tests.factories.notify_console import ORG, sign_in, soup
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "NO-14", "§20")
SANTIAGO = ZoneInfo("America/Santiago")
NOW = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)
HEADER = ["phone number", "name", "amount", "Reminder date", "reminder_days_before", "reminder time", "reference"]


def create(client: FlaskClient, world: World, **body: Any) -> dict[str, Any]:
    answer = client.post("/v2/notifications/bulk", json={"template_id": str(world.templates["sms"])} | body, headers=world.headers())
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def call(client: FlaskClient, world: World, path: str, method: str = "GET") -> Any:
    return client.open("/v2" + path, method=method, headers=world.headers()).get_json()


def sent(notify: Notify) -> list[str]:
    return [message.to for message in notify.sms.messages]  # type: ignore[attr-defined]


def test_each_row_says_when_and_each_wrong_one_why(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    rows = [
        ["07700900001", "Ana", "$1", "2026-07-10", "30, 7", "", "a"],
        ["07700900002", "Ema", "$2", "10-07-2026", "1", "8:30", "b"],
        ["07700900003", "Luz", "$3", "", "", "", "c"],
        ["07700900004", "Eva", "$4", "2026-07-32", "", "", ""],
        ["07700900005", "Sol", "$5", "2026-06-01", "", "", ""],
        ["07700900006", "Mar", "$6", "2026-07-10", "401", "", ""],
        ["07700900007", "Paz", "$7", "2026-07-10", "", "25:00", ""],
        ["07700900008", "Fe", "$8", "", "7", "", ""],
        ["12", "Pía", "$9", "2026-07-10", "", "", ""],
    ]
    made = create(client, world, rows=[HEADER, *rows])
    run_jobs()
    done = call(client, world, f"/notifications/bulk/{made['id']}")
    counted = {name: done[name] for name in ("status", "processed", "messages", "failed", "reminders", "reminders_waiting")}
    assert counted == {"status": "finished", "processed": 9, "messages": 1, "failed": 6, "reminders": 2, "reminders_waiting": 3}
    assert sent(notify) == ["447700900003"]
    errors = call(client, world, f"/notifications/bulk/{made['id']}/errors")["errors"]
    assert {each["row"]: each["messages"] for each in errors} == {
        4: ["reminder date: is not a date such as 2027-03-01 or 01-03-2027"],
        5: ["reminder date: leaves no moment that is still to come"],
        6: ["reminder days before: goes up to 400"],
        7: ["reminder time: is not a time such as 09:00"],
        8: ["reminder date: is missing"],
        9: ["phone number: Not enough digits"],
    }
    waiting = [each["reminders"][0]["due_at"] for each in call(client, world, "/reminders")["reminders"]]
    assert waiting == ["2026-06-10T13:00:00.000000Z", "2026-07-03T13:00:00.000000Z", "2026-07-09T12:30:00.000000Z"]
    clock.advance(seconds=2 * 24 * 3600)
    assert send_due_reminders(notify) == 1
    (found,) = call(client, world, "/notifications?reference=a")["notifications"]
    assert (found["phone_number"], "Ana" in found["body"]) == ("07700900001", True)


def test_rows_as_objects_and_files_carry_them_too(client: FlaskClient, world: World, run_jobs: RunJobs) -> None:
    objects = [
        {"phone number": "07700900001", "name": "Ana", "amount": 5, "reminder date": "2026-07-10", "reminder days before": [7, 1, 7]},
        {"phone number": "07700900002", "name": "Ema", "amount": None, "reminder date": "2026-07-10"},
        {"phone number": "07700900003", "name": "Luz", "amount": True, "reminder date": ["2026-07-10"]},
    ]
    by_object = create(client, world, rows=objects)
    by_file = create(client, world, csv="phone number;name;amount;reminder date\n07700900001;Ana;$5;10/07/2026\n")
    run_jobs()
    told = call(client, world, f"/notifications/bulk/{by_object['id']}")
    assert (told["reminders"], told["reminders_waiting"], told["failed"]) == (1, 2, 2)
    assert call(client, world, f"/notifications/bulk/{by_file['id']}")["reminders_waiting"] == 1
    assert [job["reminders_waiting"] for job in call(client, world, "/notifications/bulk")["jobs"]] == [1, 2]


def test_stopping_a_job_takes_its_reminders_back_and_no_others(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    rows = [HEADER, ["07700900001", "Ana", "$1", "2026-07-10", "", "", ""]]
    one, other = create(client, world, rows=rows), create(client, world, rows=rows)
    run_jobs()
    for _ in range(2):
        stopped = call(client, world, f"/notifications/bulk/{one['id']}/cancel", "POST")
        assert (stopped["status"], stopped["reminders"], stopped["reminders_waiting"]) == ("finished", 1, 0)
    assert call(client, world, f"/notifications/bulk/{other['id']}")["reminders_waiting"] == 1
    clock.advance(seconds=40 * 24 * 3600)
    assert send_due_reminders(notify) == 1
    run_jobs()
    assert sent(notify) == ["447700900001"]


def test_reminders_use_none_of_this_days_allowance(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(daily_sms=1))
    notify.catalogue.forget()
    ahead = [[f"0770090000{n}", "Ana", "$1", "2026-07-10", "", "", ""] for n in range(1, 4)]
    now = ["07700900009", "Luz", "$1", "", "", "", ""]
    made = create(client, world, rows=[HEADER, *ahead, now])
    run_jobs()
    told = call(client, world, f"/notifications/bulk/{made['id']}")
    assert (told["status"], told["messages"], told["reminders"]) == ("finished", 1, 3)


def test_many_at_the_same_moment_go_in_one_minute(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "SENT_AT_ONCE", 2)
    people = [[f"0770090010{n}", "Ana", "$1", "2026-07-10", "", "", ""] for n in range(5)]
    create(client, world, rows=[HEADER, *people])
    run_jobs()
    clock.advance(seconds=40 * 24 * 3600)
    assert send_due_reminders(notify) == 5


def test_all_that_wait_are_read_page_by_page(
    app: Flask, client: FlaskClient, world: World, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "LISTED_MAX", 2)
    people = [[f"0770090010{n}", "Ana", "$1", "2026-07-10", "", "", ""] for n in range(5)]
    create(client, world, rows=[HEADER, *people])
    run_jobs()
    seen, query = list[str](), ""
    for _ in range(3):
        page = call(client, world, "/reminders" + query)
        seen += [each["id"] for each in page["reminders"]]
        query = f"?after={page['next_after']}"
    assert query == "?after=None"
    assert len(set(seen)) == len(seen) == 5
    for wrong, status in (("x", 400), (uuid.uuid4(), 404)):
        assert client.get(f"/v2/reminders?after={wrong}", headers=world.headers()).status_code == status
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    staff, where, rows = sign_in(app, f"{ORG}:auditor"), f"/services/{world.service_id}/reminders", 0
    for _ in range(3):
        shown = soup(staff.get(where))
        rows += len(shown.select("tbody tr"))
        following = shown.select_one("main a[rel=next]")
        where = str(following["href"]) if following else "?"
    assert (rows, where) == (5, "?")
    assert staff.get(f"/services/{world.service_id}/reminders?after=x").status_code == 404


TEXTS = st.one_of(
    st.sampled_from(["", "9999-12-31", "0001-01-01", "31-04-2027", "29/2/2028", "1.3.2027", "٣-٣-٢٠٢٧", "[]", "0 400", "24:00"]),
    st.text(max_size=20),
)


@given(TEXTS, TEXTS, TEXTS)
def test_whatever_a_cell_says_is_a_moment_ahead_or_a_refusal_that_names_its_column(day: str, days: str, at: str) -> None:
    try:
        found = moments_ahead(dict(zip(COLUMNS, (day, days, at), strict=True)), SANTIAGO, NOW)
    except InvalidReminder as fault:
        named = str(fault).partition(":")[0]
    else:
        named = COLUMNS[0]
        assert (found is None) == (not day)
        assert all(moment > NOW for moment in found or [])
    assert named in COLUMNS


@pytest.mark.parametrize("body_date", ["9999-12-31", "0001-01-01", "3000-01-01"])
def test_a_date_of_no_year_of_ours_is_refused(client: FlaskClient, world: World, body_date: str) -> None:
    body = {"template_id": str(world.templates["sms"]), "phone_number": "07700900003", "personalisation": {"name": "A", "amount": "1"}}
    answer = client.post("/v2/reminders", json=body | {"date": body_date, "days_before": [400]}, headers=world.headers())
    assert (answer.status_code, answer.json["errors"][0]["message"]) == (400, "date is not a date such as 2027-03-01")  # type: ignore[index]


def test_the_clocks_do_what_they_do_to_a_row_too() -> None:
    """On 5 September 2027 the clocks of Santiago leave out the hour after midnight."""
    told = dict(zip(COLUMNS, ("2027-09-05", "0", "00:30"), strict=True))
    assert moments_ahead(told, SANTIAGO, NOW) == [datetime(2027, 9, 5, 4, 30, tzinfo=UTC)]
