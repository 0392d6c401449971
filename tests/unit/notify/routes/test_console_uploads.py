"""Files of recipients: nothing is sent before every row was looked at.  Spec: requirements NO-3; notify-api §20 (jobs)."""

import io
import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, text, update

from notify.context import Notify
from notify.models import BulkError, Service
from notify.models.team import Member
from notify.operations.bulk import LIST_SIZE
from notify.operations.uploads import forget_uploads, get_upload, send_upload
from shared.clock import FixedClock
from tests.factories.notify import World, add_guest, add_jobs, add_notification, add_sender
from tests.factories.notify_console import ORG, actions, sign_in, soup, submit
from tests.factories.notify_fixtures import RunJobs

GOOD = "Celular;Nombre;Amount\n07700900001;Camila;$1\n07700900002;José;=1+1\n"


def upload(client: FlaskClient, world: World, data: bytes, *, channel: str = "sms") -> str:
    """Upload a file and give the address of its columns."""
    path = f"/services/{world.service_id}/templates/{world.templates[channel]}/upload"
    answer = submit(client, path, {"file": (io.BytesIO(data), "horas.csv")})
    assert answer.status_code == 303, soup(answer).main
    return answer.headers["Location"]


MATCHED = {"column-0": "0", "column-1": "1", "column-2": "2"}


@pytest.mark.rule("notify", "§20")
def test_rows_are_looked_at_then_sent_then_gone(
    team: Callable[[str], FlaskClient], world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    client = team("agent")
    columns = upload(client, world, GOOD.encode("cp1252"))
    selected = [option.text for option in soup(client.get(columns)).select("option[selected]")]
    assert selected == ["Celular (07700900001)", "Amount ($1)"]
    labels = [label.text.strip() for label in soup(client.get(columns)).select("main label")]
    assert labels == ["Número de celular", "name", "amount", "Fecha que se recuerda", "Cuántos días antes", "A qué hora"]
    checked = submit(client, columns, MATCHED)
    assert "2 filas están bien" in checked.text
    assert notify.sms.messages == []  # type: ignore[attr-defined]  # the one in memory
    sent = submit(client, columns, MATCHED | {"send": "1"})
    assert sent.status_code == 303
    run_jobs()
    bodies = sorted(message.body for message in notify.sms.messages)  # type: ignore[attr-defined]
    assert [body.partition(": ")[2] for body in bodies] == [
        "Hola Camila: recibimos su pago de $1.",
        "Hola José: recibimos su pago de =1+1.",
    ]
    job = soup(client.get(sent.headers["Location"]))
    progress = job.select_one("progress")
    assert progress is not None
    assert (progress["value"], progress["max"]) == ("2", "2")
    assert client.get(columns).status_code == 404
    assert "horas.csv" in client.get(f"/services/{world.service_id}/uploads").text


@pytest.mark.rule("notify", "§20")
def test_the_files_of_years_are_reached_page_by_page(team: Callable[[str], FlaskClient], world: World) -> None:
    made, client, path = add_jobs(world, LIST_SIZE + 2), team("auditor"), f"/services/{world.service_id}/uploads"
    first = soup(client.get(path))
    assert len(first.select("tbody tr")) == LIST_SIZE
    (older,) = first.select("a[rel=next]")
    second = soup(client.get(str(older["href"])))
    assert [str(link["href"]).rpartition("/")[2] for link in second.select("tbody a")] == [str(each) for each in made[-2:]]
    assert second.select("a[rel=next]") == []
    assert [link["href"] for link in second.select("nav.govuk-body a")] == [path]
    for wrong in ("x", "", str(uuid.uuid4()), str(made[-1])):
        assert client.get(f"{path}?older_than={wrong}").status_code == 404


@pytest.mark.rule("notify", "§20")
def test_what_became_of_a_file_is_seen_message_by_message(
    team: Callable[[str], FlaskClient], world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    client = team("agent")
    add_notification(world, "sms", to="07700900009")
    sent = submit(client, upload(client, world, GOOD.encode()), MATCHED | {"send": "1"})
    run_jobs()
    (link,) = soup(client.get(sent.headers["Location"])).select("a[href*='messages?job=']")
    page = soup(client.get(str(link["href"])))
    assert sorted(one.text for one in page.select("tbody th a")) == ["07700900001", "07700900002"]
    job = page.select_one("input[name=job]")
    assert job is not None
    messages = f"/services/{world.service_id}/messages"
    report = submit(client, f"{messages}/report", {"job": job["value"]}, page=messages)
    assert len(report.text.splitlines()) == 3
    assert len(soup(client.get(f"{messages}?job=x")).select("tbody tr")) == 3  # what is no job is no filter
    assert soup(client.get(f"{messages}?job={uuid.uuid4()}")).select("tbody tr") == []


@pytest.mark.rule("notify", "§20")
def test_a_file_goes_out_under_the_sender_that_was_chosen(
    team: Callable[[str], FlaskClient], world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    add_sender(world, "sms", "COLEGIO", is_default=True)
    other = add_sender(world, "sms", "MATRICULA")
    client = team("agent")
    columns = upload(client, world, GOOD.encode())
    assert len(soup(submit(client, columns, MATCHED)).select("#sender option")) == 2
    assert submit(client, columns, MATCHED | {"send": "1", "sender": str(uuid.uuid4())}).status_code == 422
    assert submit(client, columns, MATCHED | {"send": "1", "sender": str(other)}).status_code == 303
    run_jobs()
    assert {message.sender for message in notify.sms.messages} == {"MATRICULA"}  # type: ignore[attr-defined]


@pytest.mark.rule("notify", "§20")
def test_rows_that_made_no_message_are_read_to_the_last(team: Callable[[str], FlaskClient], world: World, notify: Notify) -> None:
    (job,) = add_jobs(world, 1)
    with notify.db.begin() as connection:
        connection.execute(insert(BulkError), [{"bulk_id": job, "row_number": n, "messages": ["x"]} for n in range(1, 151)])
    client, path = team("auditor"), f"/services/{world.service_id}/jobs/{job}"
    first = soup(client.get(path))
    (more,) = first.select("a[rel=next]")
    second = soup(client.get(str(more["href"])))
    rows = [item.text for page in (first, second) for item in page.select("main ul.govuk-list--bullet li")]
    assert (len(rows), rows[-1]) == (150, "Fila 150: x")
    assert second.select("a[rel=next]") == []
    assert len(soup(client.get(f"{path}?after=x")).select("main ul.govuk-list--bullet li")) == 100


@pytest.mark.rule("notify", "§20")
def test_each_wrong_row_says_what_to_put_right_and_the_others_can_go(
    team: Callable[[str], FlaskClient], world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    client = team("agent")
    rows = "phone number,name,amount\n12,Camila,$1\n07700900001,,$2\n07700900002,José,\n07700900003,María,$5\n"
    rows += "07700900004," + "x" * 1000 + ",$1\n"
    columns = upload(client, world, rows.encode())
    page = soup(submit(client, columns, MATCHED))
    wrong = [[cell.text for cell in row.select("th, td")] for row in page.select("tbody tr")]
    assert wrong == [
        ["2", "Faltan números"],
        ["3", "name: Complete este dato."],
        ["4", "amount: Complete este dato."],
        ["6", "Este mensaje es demasiado largo para enviarlo."],
    ]
    submit(client, columns, MATCHED | {"send": "1"})
    run_jobs()
    assert [message.to for message in notify.sms.messages] == ["447700900003"]  # type: ignore[attr-defined]


@pytest.mark.rule("notify", "NO-14")
def test_rows_with_a_date_become_reminders_that_can_be_taken_back(
    team: Callable[[str], FlaskClient], world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    client = team("agent")
    rows = "Celular;name;amount;Fecha de recordatorio;Días antes\n07700900001;Camila;$1;15-07-2026;7,1\n"
    rows += "07700900002;José;$2;;\n07700900003;Rosa;$3;31-02-2026;\n"
    columns = upload(client, world, rows.encode())
    selected = [option.text for option in soup(client.get(columns)).select("option[selected]")]
    assert selected[-2:] == ["Fecha de recordatorio (15-07-2026)", "Días antes (7,1)"]
    matched = {f"column-{number}": str(number) for number in range(5)}
    page = soup(submit(client, columns, matched))
    assert [row.text for row in page.select("tbody tr")] == ["4Fecha que se recuerda: no es una fecha como 01-03-2027 o 2027-03-01"]
    sent = submit(client, columns, matched | {"send": "1"}).headers["Location"]
    run_jobs()
    assert [message.to for message in notify.sms.messages] == ["447700900002"]  # type: ignore[attr-defined]
    job = client.get(sent)
    assert "1 fila es un recordatorio antes de una fecha" in job.text
    assert "2 recordatorios esperan" in job.text
    assert "Los recordatorios se envían cuando corresponda" in job.text
    assert submit(client, sent, {"stop": "1"}).status_code == 303
    assert "0 recordatorios esperan" in client.get(sent).text


def test_columns_that_are_not_matched_make_every_row_wrong(team: Callable[[str], FlaskClient], world: World) -> None:
    client = team("agent")
    page = submit(client, upload(client, world, GOOD.encode()), {"column-0": "0", "column-1": "99", "column-2": "x"})
    assert "2 filas están mal" in page.text
    assert 'name="send"' not in page.text


@pytest.mark.rule("notify", "§20")
@pytest.mark.parametrize(
    ("when", "status"), [("2026-06-09T10:00", 303), ("2026-06-01T10:00", 422), ("2026-07-09T10:00", 422), ("mañana", 422)]
)
def test_a_file_is_sent_later_within_seven_days(
    team: Callable[[str], FlaskClient], world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock, when: str, status: int
) -> None:
    client = team("agent")
    answer = submit(client, upload(client, world, GOOD.encode()), MATCHED | {"send": "1", "when": when})
    assert answer.status_code == status
    run_jobs()
    assert notify.sms.messages == []  # type: ignore[attr-defined]
    if status == 303:
        clock.advance(seconds=24 * 3600)
        run_jobs()
        assert len(notify.sms.messages) == 2  # type: ignore[attr-defined]


@pytest.mark.rule("notify", "§20")
@pytest.mark.parametrize(
    ("when", "meant"),
    [
        ("2026-09-06T10:00", "2026-09-06T13:00:00+00:00"),
        ("2026-09-06T00:30", "2026-09-06T04:30:00+00:00"),  # an hour that the clocks leave out
        ("2027-04-03T23:30", "2027-04-04T02:30:00+00:00"),  # one that comes twice: the first
    ],
)
def test_a_file_is_sent_by_the_clock_of_its_day(
    team: Callable[[str], FlaskClient], world: World, notify: Notify, clock: FixedClock, when: str, meant: str
) -> None:
    clock.advance(seconds=(datetime.fromisoformat(meant) - clock.now()).total_seconds() - 3 * 24 * 3600)
    answer = submit(team("agent"), upload(team("agent"), world, GOOD.encode()), MATCHED | {"send": "1", "when": when})
    assert answer.status_code == 303
    with notify.reading() as tx:
        assert tx.connection.execute(text("select scheduled_for from bulk_jobs")).scalar_one() == datetime.fromisoformat(meant)


@pytest.mark.rule("notify", "§20")
def test_a_job_is_stopped_and_goes_on(
    team: Callable[[str], FlaskClient], world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    client = team("agent")
    sent = submit(client, upload(client, world, GOOD.encode()), MATCHED | {"send": "1", "when": "2026-06-09T10:00"}).headers["Location"]
    assert submit(client, sent, {"stop": "1"}).status_code == 303
    assert "Detenido" in client.get(sent).text
    assert submit(client, sent, {"resume": "1"}).status_code == 303
    assert "Espera su momento" in client.get(sent).text
    run_jobs()
    assert notify.sms.messages == []  # type: ignore[attr-defined]  # not before the moment that was chosen
    clock.advance(seconds=24 * 3600)
    run_jobs()
    assert len(notify.sms.messages) == 2  # type: ignore[attr-defined]
    assert submit(team("agent"), sent, {"stop": "1"}).status_code == 303  # it was faster: its page says so


@pytest.mark.rule("notify", "§20")
def test_a_file_is_sent_once_however_often_the_button_is_pressed(team: Callable[[str], FlaskClient], world: World, notify: Notify) -> None:
    columns = upload(team("agent"), world, GOOD.encode())
    kept = get_upload(notify, world.service_id, uuid.UUID(columns.rpartition("/")[2]))  # as both presses find it
    template = notify.catalogue.find_template(world.service_id, world.templates["sms"])
    assert template is not None
    person, match = Member("staff-1", "Rosa", (f"{ORG}:agent",)), {"phone number": 0, "name": 1, "amount": 2}
    first, second = (send_upload(notify, person, template, kept, match, scheduled_for=None) for _ in range(2))
    assert first == second
    with notify.reading() as tx:
        assert tx.connection.execute(text("select count(*) from bulk_jobs")).scalar_one() == 1
    assert sum("notify:upload:sent" in core for core in actions(notify)) == 1


@pytest.mark.rule("notify", "§12", "§20")
def test_rows_that_the_service_may_not_send_to_are_told_before_anything_is_sent(
    team: Callable[[str], FlaskClient], world: World, notify: Notify
) -> None:
    client, rows = team("agent"), b"phone number,name,amount\n+33612345678,Zoe,1\n07700900001,Ana,2\n"
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(permissions=["sms"]))
    notify.catalogue.forget()
    columns = upload(client, world, rows)
    wrong = [row.text for row in soup(submit(client, columns, MATCHED)).select("tbody tr")]
    assert wrong == ["2Este servicio no envía a números de otros países"]
    add_guest(world, "447700900001")
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(restricted=True))
    notify.catalogue.forget()
    wrong = [row.text for row in soup(submit(client, columns, MATCHED)).select("tbody tr")]
    assert wrong == ["2El servicio está en prueba: solo envía a su propio equipo."]


@pytest.mark.rule("notify", "§20")
def test_why_a_row_made_no_message_is_said_in_the_words_of_the_page(
    team: Callable[[str], FlaskClient], world: World, notify: Notify
) -> None:
    (job,) = add_jobs(world, 1)
    told = ["phone number: Not enough digits"], ["Missing personalisation: name"], ["The row could not be made into a message", "x"]
    with notify.db.begin() as connection:
        connection.execute(insert(BulkError), [{"bulk_id": job, "row_number": n, "messages": texts} for n, texts in enumerate(told, 1)])
    page = soup(team("auditor").get(f"/services/{world.service_id}/jobs/{job}"))
    assert [item.text for item in page.select("main ul.govuk-list--bullet li")] == [
        "Fila 1: Número de celular: Faltan números",
        "Fila 2: name: Complete este dato.",
        "Fila 3: Con esta fila no se pudo hacer un mensaje; x",
    ]


@pytest.mark.parametrize("data", [b"", b"a,b\n", b"\xff\xfe\x00", b"a\n" + b"1\n" * 100_001])
def test_files_that_are_none_are_refused_at_the_field(team: Callable[[str], FlaskClient], world: World, data: bytes) -> None:
    path = f"/services/{world.service_id}/templates/{world.templates['sms']}/upload"
    answer = submit(team("agent"), path, {"file": (io.BytesIO(data), "x.csv")})
    assert answer.status_code == 422
    assert soup(answer).select_one(".govuk-error-summary a[href='#file']")


def test_nobody_else_sees_a_file_and_it_goes_after_a_day(
    app: Flask, team: Callable[[str], FlaskClient], world: World, notify: Notify, clock: FixedClock
) -> None:
    client = team("agent")
    columns = upload(client, world, GOOD.encode())
    assert team("auditor").get(columns).status_code == 403
    assert sign_in(app, "org-other:owner").get(columns).status_code == 404
    with notify.reading() as tx:
        sealed = bytes(tx.connection.execute(text("select sealed from uploads")).scalar_one())
    assert b"Camila" not in sealed
    assert client.get(f"/services/{world.service_id}/jobs/{uuid.uuid4()}").status_code == 404
    clock.advance(seconds=24 * 3600 + 1)
    assert forget_uploads(notify) == 1
