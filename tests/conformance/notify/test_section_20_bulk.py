"""Bulk jobs: rows and files, faults row by row, progress, stopping and going on, fairness; notify-api §20 (jobs), ours in form."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from notify.context import Notify
from notify.models import BulkJob, Notification, Service
from notify.operations import bulk_run
from notify.operations.bulk import LIST_SIZE
from notify.providers.memory import MemorySms
from notify.standards.csv_rows import InvalidSheet, read_csv
from shared import outbox
from shared.clock import FixedClock
from tests.factories.notify import World, add_callback, add_guest, add_jobs, make_world
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§20")
HEADER = ["phone number", "name", "amount"]


def rows(number: int) -> list[list[str]]:
    return [[f"07900{900000 + n}", f"Persona {n}", str(n)] for n in range(1000, 1000 + number)]


def create(client: FlaskClient, world: World, kind: str = "normal", headers: dict[str, str] | None = None, **body: Any) -> Any:
    sent = {"template_id": str(world.templates["sms"]), "rows": [HEADER, *rows(3)]} | body
    sent = {name: value for name, value in sent.items() if value is not None}
    return client.post("/v2/notifications/bulk", json=sent, headers=world.headers(kind) | (headers or {}))


def read(client: FlaskClient, world: World, made: str) -> Any:
    return client.get(f"/v2/notifications/bulk/{made}", headers=world.headers()).json


def sms(notify: Notify) -> MemorySms:
    assert isinstance(notify.sms, MemorySms)
    return notify.sms


def test_rows_become_messages_and_the_job_tells_how_far_it_is(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    made = create(client, world, rows=[HEADER, *rows(450)], name="Cobro de junio")
    assert (made.status_code, made.json["status"], made.json["total"], made.json["processed"]) == (201, "in progress", 450, 0)
    run_jobs()
    done = read(client, world, made.json["id"])
    assert (done["status"], done["messages"], done["failed"], done["statuses"]) == ("finished", 450, 0, {"sending": 450})
    assert len({message.reference for message in sms(notify).messages}) == 450
    assert [job["name"] for job in client.get("/v2/notifications/bulk", headers=world.headers()).json["jobs"]] == ["Cobro de junio"]
    with notify.reading() as tx:
        assert tx.connection.execute(text("select count(*) from bulk_chunks")).scalar_one() == 0


def test_all_jobs_are_listed_page_by_page_each_once(client: FlaskClient, world: World, notify: Notify) -> None:
    made, path, seen = add_jobs(world, 2 * LIST_SIZE + 1), "/v2/notifications/bulk", []
    add_jobs(make_world(notify), 3)
    pages = []
    while True:
        answer = client.get(path, headers=world.headers()).get_json()
        assert answer["links"]["current"] == "http://localhost" + path
        pages.append(len(answer["jobs"]))
        if not answer["jobs"]:
            assert "next" not in answer["links"]
            break
        seen += [uuid.UUID(job["id"]) for job in answer["jobs"]]
        path = answer["links"]["next"].removeprefix("http://localhost")
    assert (seen, pages) == (made, [LIST_SIZE, LIST_SIZE, 1, 0])


def test_a_page_of_jobs_after_anothers_or_after_nothing(client: FlaskClient, world: World, notify: Notify) -> None:
    add_jobs(world, 1)
    (theirs,) = add_jobs(make_world(notify), 1)
    for unknown in (theirs, uuid.uuid4()):
        assert client.get(f"/v2/notifications/bulk?older_than={unknown}", headers=world.headers()).get_json()["jobs"] == []
    for query in ("older_than=x", "older_than=", "page=2", "older_than=%00"):
        assert client.get(f"/v2/notifications/bulk?{query}", headers=world.headers()).status_code == 400


def test_ten_thousand_rows_with_one_poisonous_among_them(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_run, "BACKLOG_MAX", 100_000)
    notify.settings = replace(notify.settings, delivery_threads=24)
    people = rows(10_000)
    people[7777][1] = "x" * 100_000
    made = create(client, world, rows=[HEADER, *people])
    with monkeypatch.context() as patch:
        whole = bulk_run.prepare

        def poisoned(*arguments: Any) -> Any:
            if len(arguments[3].personalisation["name"]) > 1000:
                raise RuntimeError("poison")
            return whole(*arguments)

        patch.setattr(bulk_run, "prepare", poisoned)
        run_jobs()
    done = read(client, world, made.json["id"])
    assert (done["status"], done["messages"], done["failed"], done["statuses"]) == ("finished", 9_999, 1, {"sending": 9_999})
    errors = client.get(f"/v2/notifications/bulk/{made.json['id']}/errors", headers=world.headers()).json["errors"]
    assert errors == [{"row": 7778, "messages": ["The row could not be made into a message"]}]
    assert len({message.reference for message in sms(notify).messages}) == sms(notify).calls == 9_999


def test_faults_are_told_row_by_row_and_hold_nobody_up(client: FlaskClient, world: World, run_jobs: RunJobs) -> None:
    bad = [["07700900001", "Ana", "1"], ["x", "Luis", "2"], ["07700900002", "", "3"], ["+33612345678", "Zoé", "4"], ["", "Eva", "5"]]
    made = create(client, world, rows=[HEADER, *bad]).json["id"]
    run_jobs()
    done = read(client, world, made)
    assert (done["status"], done["messages"], done["failed"]) == ("finished", 2, 3)
    errors = client.get(f"/v2/notifications/bulk/{made}/errors", headers=world.headers()).json["errors"]
    assert errors == [
        {"row": 2, "messages": ["phone number: Must not contain letters or symbols"]},
        {"row": 3, "messages": ["Missing personalisation: name"]},
        {"row": 5, "messages": ["phone number: Not enough digits"]},
    ]
    assert client.get(f"/v2/notifications/bulk/{made}/errors?after=3", headers=world.headers()).json["errors"] == errors[2:]


def test_a_run_that_dies_is_done_once(client: FlaskClient, world: World, notify: Notify, monkeypatch: pytest.MonkeyPatch) -> None:
    made = uuid.UUID(create(client, world, rows=[HEADER, *rows(450)]).json["id"])

    class Killed(BaseException):
        """The process ends here."""

    def die(*_arguments: object) -> None:
        raise Killed

    bulk_run.run_bulk(notify, made, 0)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "rows_of", die)
        with pytest.raises(Killed):
            bulk_run.run_bulk(notify, made, 0)
    for _ in range(4):
        bulk_run.run_bulk(notify, made, 0)
    with notify.reading() as tx:
        numbers = list(tx.connection.execute(select(Notification.row_number).where(Notification.bulk_id == made)).scalars())
    assert sorted(numbers) == list(range(1, 451))


def test_the_next_rows_are_made_while_the_last_are_sent(client: FlaskClient, world: World, notify: Notify) -> None:
    made = uuid.UUID(create(client, world, rows=[HEADER, *rows(450)]).json["id"])
    with notify.db.begin() as connection:
        connection.execute(text("delete from outbox"))
    bulk_run.run_bulk(notify, made, 0)
    with notify.reading() as tx:
        jobs = list(tx.connection.execute(text("select job from outbox where queue = 'bulk' order by id")).scalars())
    assert jobs[0] == "run_bulk"
    assert len(jobs) > 1
    assert "run_bulk" not in jobs[1:]


def test_stopped_it_stops_and_resumed_it_goes_on(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    made = create(client, world, rows=[HEADER, *rows(450)]).json["id"]
    bulk_run.run_bulk(notify, uuid.UUID(made), 0)
    stopped = client.post(f"/v2/notifications/bulk/{made}/cancel", headers=world.headers()).json
    assert (stopped["status"], stopped["messages"], stopped["statuses"]) == ("cancelled", 200, {"cancelled": 200})
    assert client.post(f"/v2/notifications/bulk/{made}/cancel", headers=world.headers()).status_code == 200
    run_jobs()
    assert sms(notify).calls == 0
    assert client.post(f"/v2/notifications/bulk/{made}/resume", headers=world.headers()).json["status"] == "in progress"
    run_jobs()
    done = read(client, world, made)
    assert (done["status"], done["messages"], done["statuses"]) == ("finished", 450, {"cancelled": 200, "sending": 250})
    late = client.post(f"/v2/notifications/bulk/{made}/cancel", headers=world.headers())
    assert (late.status_code, late.json["errors"][0]["error"]) == (409, "ConflictError")


@pytest.mark.rule("notify", "§18")
def test_what_a_stopped_job_takes_back_is_told_logged_and_given_back(client: FlaskClient, notify: Notify) -> None:
    world = make_world(notify, daily_sms=4)
    add_callback(world, "https://example.com/callback")
    made = create(client, world).json["id"]
    bulk_run.run_bulk(notify, uuid.UUID(made), 0)
    assert client.post(f"/v2/notifications/bulk/{made}/cancel", headers=world.headers()).json["statuses"] == {"cancelled": 3}
    with notify.reading() as tx:
        (told,) = tx.connection.execute(text("select payload from outbox where job = 'tell_services'")).scalars()
        logged = tx.connection.execute(text("select count(*) from audit_entries where core like '%notification:cancelled%'")).scalar_one()
        ids = {str(key) for key in tx.connection.execute(select(Notification.id)).scalars()}
    assert {call["notification_id"]: call["status"] for call in told["calls"]} == dict.fromkeys(ids, "cancelled")
    assert logged == 3
    assert create(client, world).status_code == 201  # which four a day leave room for


def test_a_scheduled_job_waits_through_a_change_of_the_clock(
    client: FlaskClient, world: World, notify: Notify, clock: FixedClock, run_jobs: RunJobs
) -> None:
    """In the night to 6 September 2026 the clocks of Chile leave out an hour: two days later on the clock are 47 hours."""
    here = ZoneInfo("America/Santiago")
    clock.advance(seconds=(datetime(2026, 9, 4, 10, tzinfo=here) - clock.now()).total_seconds())
    made = create(client, world, scheduled_for=datetime(2026, 9, 6, 10, tzinfo=here).isoformat()).json
    assert (made["status"], made["scheduled_for"]) == ("scheduled", "2026-09-06T13:00:00.000000Z")
    clock.advance(seconds=47 * 3600 - 1)
    run_jobs()
    assert sms(notify).calls == 0
    clock.advance(seconds=1)
    run_jobs()
    assert read(client, world, made["id"])["status"] == "finished"


def test_who_sends_one_does_not_stand_behind_who_sends_many(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    made = uuid.UUID(create(client, world, rows=[HEADER, *rows(3000)]).json["id"])
    for _ in range(20):
        bulk_run.run_bulk(notify, made, 0)
    other = make_world(notify)
    body = {"phone_number": "07700900009", "template_id": str(other.templates["sms"]), "personalisation": {"name": "a", "amount": 1}}
    mine = client.post("/v2/notifications/sms", json=body, headers=other.headers()).json["id"]
    with notify.reading() as tx:
        before_mine = tx.connection.execute(select(Notification.id).where(Notification.id < uuid.UUID(mine))).all()
    assert len(before_mine) <= bulk_run.BACKLOG_MAX


def test_the_days_allowance_holds_for_jobs_too(client: FlaskClient, notify: Notify, run_jobs: RunJobs, clock: FixedClock) -> None:
    world = make_world(notify, daily_sms=300)
    assert create(client, world, rows=[HEADER, *rows(301)]).status_code == 429
    made = create(client, world, rows=[HEADER, *rows(300)]).json["id"]
    bulk_run.run_bulk(notify, uuid.UUID(made), 0)
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(daily_sms=250))
    notify.catalogue.forget()
    run_jobs()
    assert (read(client, world, made)["status"], read(client, world, made)["messages"]) == ("sending limits exceeded", 200)
    clock.advance(seconds=24 * 3600)
    client.post(f"/v2/notifications/bulk/{made}/resume", headers=world.headers())
    run_jobs()
    assert read(client, world, made)["status"] == "finished"


@pytest.mark.rule("notify", "§11")
def test_the_days_allowance_of_texts_abroad_holds_for_rows_too(client: FlaskClient, notify: Notify, run_jobs: RunJobs) -> None:
    world = make_world(notify, daily_international_sms=1)
    abroad = [["+33612345678", "Zoé", "1"], ["+33612345679", "Léa", "2"], ["07700900001", "Ana", "3"]]
    made = create(client, world, rows=[HEADER, *abroad]).json["id"]
    run_jobs()
    assert (read(client, world, made)["status"], read(client, world, made)["messages"]) == ("finished", 2)
    errors = client.get(f"/v2/notifications/bulk/{made}/errors", headers=world.headers()).json["errors"]
    assert errors == [{"row": 2, "messages": ["Exceeded send limits (international_sms: 1) for today"]}]


@pytest.mark.rule("notify", "§11", "§12")
def test_fifty_a_day_on_trial_holds_for_several_jobs(client: FlaskClient, notify: Notify, run_jobs: RunJobs) -> None:
    world = make_world(notify, restricted=True)
    add_guest(world, "447700900001")
    mine = [HEADER, *[["07700900001", "Ana", str(number)] for number in range(30)]]
    one, two = (create(client, world, "team", rows=mine).json["id"] for _ in range(2))
    run_jobs()
    assert sorted(read(client, world, made)["status"] for made in (one, two)) == ["finished", "sending limits exceeded"]


@pytest.mark.rule("notify", "§12")
def test_a_test_key_changes_jobs_of_test_keys_only(client: FlaskClient, world: World) -> None:
    for kind, status in (("normal", 403), ("team", 403), ("test", 200)):
        made = create(client, world, kind).json["id"]
        for change in ("cancel", "resume"):
            answer = client.post(f"/v2/notifications/bulk/{made}/{change}", headers=world.headers("test"))
            assert answer.status_code == status, (kind, change)


def test_a_job_of_a_revoked_key_ends(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    made = create(client, world, "team").json["id"]
    with notify.db.begin() as connection:
        connection.execute(text("update api_keys set revoked_at = now() where kind = 'team'"))
    notify.catalogue.forget()
    run_jobs()
    assert read(client, world, made)["status"] == "error"


def test_job_rows_are_listed_only_where_asked_for(client: FlaskClient, world: World, run_jobs: RunJobs) -> None:
    create(client, world)
    run_jobs()

    def listed(query: str) -> int:
        return len(client.get(f"/v2/notifications{query}", headers=world.headers()).json["notifications"])

    assert (listed(""), listed("?include_jobs=true")) == (0, 3)


def test_the_same_request_twice_is_one_job(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    headers = {"Idempotency-Key": "k"}
    assert create(client, world, headers=headers).json["id"] == create(client, world, headers=headers).json["id"]
    assert create(client, world, headers=headers, name="other").status_code == 409
    at, scheduled = (clock.now() + timedelta(hours=1)).isoformat(), {"Idempotency-Key": "later"}
    first = create(client, world, headers=scheduled, scheduled_for=at).json["id"]
    clock.advance(seconds=2 * 3600)
    assert create(client, world, headers=scheduled, scheduled_for=at).json["id"] == first
    with notify.reading() as tx:
        assert len(tx.connection.execute(select(BulkJob.id)).all()) == 2


def test_nobody_elses_job(client: FlaskClient, world: World, notify: Notify) -> None:
    made, other = create(client, world).json["id"], make_world(notify)
    for method, tail in (("GET", ""), ("GET", "/errors"), ("POST", "/cancel"), ("POST", "/resume")):
        assert client.open(f"/v2/notifications/bulk/{made}{tail}", method=method, headers=other.headers()).status_code == 404


def test_rows_stand_encrypted(client: FlaskClient, world: World, notify: Notify) -> None:
    create(client, world, rows=[HEADER, ["07700900001", "Secretísima", "1"]])
    with notify.reading() as tx:
        stored = str(tx.connection.execute(text("select bulk_chunks::text from bulk_chunks")).scalar_one())
    assert "Secret" not in stored
    assert b"Secret".hex() not in stored


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"rows": None}, "rows or csv is a required property, and not both"),
        ({"csv": "a"}, "rows or csv is a required property, and not both"),
        ({"rows": 5}, "rows 5 is not of type array"),
        ({"rows": [HEADER, {"a": 1}]}, "rows must be lists, or objects, and not both"),
        ({"rows": [HEADER]}, "rows The file has no rows below the names of the columns"),
        ({"rows": [["name"], ["x"]]}, "rows Missing column headers: phone number, amount"),
        ({"template_id": "x"}, "template_id is not a valid UUID"),
        ({"scheduled_for": "2020-01-01"}, "scheduled_for Date cannot be in the past"),
        ({"scheduled_for": "2030-01-01"}, "scheduled_for Date cannot be more than 7 days in the future"),
        ({"colour": 1}, "Additional properties are not allowed (colour was unexpected)"),
    ],
)
def test_jobs_that_cannot_be_read(client: FlaskClient, world: World, body: dict[str, Any], message: str) -> None:
    refused = create(client, world, **body)
    assert (refused.status_code, refused.json["errors"]) == (400, [{"error": "ValidationError", "message": message}])


class TestFiles:
    """What people's spreadsheet programs write."""

    TEXT = 'phone number;name;amount\r\n07700900001;Ñandú Pérez;1\r\n07700900002;"José; con ""comillas""";2\r\n\r\n;;\r\n'

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
    def test_any_usual_encoding(self, client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, encoding: str) -> None:
        address = f"/v2/notifications/bulk?template_id={world.templates['sms']}&name=a%00b"
        made = client.post(address, data=self.TEXT.encode(encoding), content_type="text/csv", headers=world.headers())
        assert (made.status_code, made.json["total"], made.json["name"]) == (201, 2, "ab")
        run_jobs()
        assert sorted(message.body.partition("Hola ")[2] for message in sms(notify).messages) == [
            'José; con "comillas": recibimos su pago de 2.',
            "Ñandú Pérez: recibimos su pago de 1.",
        ]

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_any_usual_delimiter(self, delimiter: str) -> None:
        read_sheet = read_csv(f"a{delimiter}b\n1{delimiter}2\n".encode())
        assert (read_sheet.columns, read_sheet.rows) == (("a", "b"), [["1", "2"]])

    def test_a_hundred_thousand_rows_and_not_one_more(self) -> None:
        lines = b"a\n" + b"1\n" * 100_000
        assert len(read_csv(lines).rows) == 100_000
        with pytest.raises(InvalidSheet, match="more than 100 000 rows"):
            read_csv(lines + b"1\n")

    @pytest.mark.parametrize("cell", ['=HYPERLINK("http://x.example","a")', "+56 9 1234 5678", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0"])
    def test_formulas_are_texts(self, cell: str) -> None:
        line = '"' + cell.replace('"', '""') + '"'
        assert read_csv(f"a,b\n{line},2\n".encode()).rows == [[cell, "2"]]

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"", "empty"),
            (b"\n\n", "empty"),
            (b"a,b\n", "no rows"),
            (b"a\n1,2\n", "more cells"),
            (b"a\n" + b"x" * 100_001, "100000 characters"),
            (b"\xff\xfe\x00", "encoding"),
            (b"\x00\x00\xfe\xff\x00", "encoding"),
            (b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml", "saved as CSV"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "saved as CSV"),
            (b"%PDF-1.7\n%\xe2\xe3", "saved as CSV"),
            (b'a,b\n1,2\n"3,4\n5,6\n', "Line 4 cannot be read"),
            (b'a,b\n"1"x,2\n', "Line 2 cannot be read"),
            (",".join(f"c{n}" for n in range(201)).encode() + b"\n1\n", "200 columns"),
        ],
    )
    def test_files_that_are_none(self, data: bytes, why: str) -> None:
        with pytest.raises(InvalidSheet, match=why):
            read_csv(data)

    def test_columns_of_one_name_are_a_list(self, client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
        create(client, world, rows=[[*HEADER, "Name"], ["07700900001", "Ana", "1", "Luis"]])
        run_jobs()
        assert "Hola Ana and Luis" in sms(notify).messages[0].body

    def test_a_reference_column_is_the_reference(self, client: FlaskClient, world: World, run_jobs: RunJobs) -> None:
        create(client, world, csv="phone number,name,amount,reference\n07700900001,a,1,r-77\n", rows=None)
        run_jobs()
        found = client.get("/v2/notifications?include_jobs=true&reference=r-77", headers=world.headers()).json["notifications"]
        assert len(found) == 1
