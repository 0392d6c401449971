"""A service by Chile's rules, end to end: its numbers and addresses by API, by file, by hand and on its letters."""

import io
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pypdf
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from notify.context import Notify
from notify.models import Service
from notify.operations.letters import get_letter_file, render_letter
from tests.factories.notify import VALUES, World, add_notification, add_template
from tests.factories.notify_console import ORG, sign_in, submit
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§16", "§17")
HOME = {"address_line_1": "Camila Soto", "address_line_2": "Los Aromos 12", "address_line_3": "Quilpalín, 238-0000"}
Choose = Callable[[str, str], None]


@pytest.fixture
def choose(app: Flask, world: World) -> Choose:
    """The team chooses the rules in the console."""
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    owner, page = sign_in(app, f"{ORG}:owner"), f"/services/{world.service_id}/settings"

    def made(region: str, scheme: str) -> None:
        form = {"name": "Colegio Las Araucarias", "prefix_sms": "1", "number_region": region, "address_scheme": scheme}
        assert submit(owner, page, form).status_code == 303

    assert submit(owner, page, {"name": "Colegio", "number_region": "FR", "address_scheme": "cl"}).status_code == 422
    return made


def text_to(client: FlaskClient, world: World, number: str) -> tuple[int, str]:
    body = {"phone_number": number, "template_id": str(world.templates["sms"]), "personalisation": VALUES}
    answer = client.post("/v2/notifications/sms", json=body, headers=world.headers())
    return answer.status_code, answer.get_json().get("errors", [{}])[0].get("message", "")


def test_numbers_are_read_as_the_team_chose(client: FlaskClient, world: World, choose: Choose, notify: Notify, run_jobs: RunJobs) -> None:
    assert text_to(client, world, "22 123 4567")[0] == 400
    choose("CL", "cl")
    assert text_to(client, world, "9 1234 5678") == (201, "")
    assert text_to(client, world, "22 123 4567") == (400, "Not a mobile number")
    assert text_to(client, world, "9 1234 567") == (400, "phone_number Not enough digits")
    assert text_to(client, world, "07700 900003") == (400, "phone_number Too many digits")
    assert text_to(client, world, "+447700900003") == (201, "")
    run_jobs()
    assert [message.to for message in notify.sms.messages] == ["56912345678", "447700900003"]  # type: ignore[attr-defined]
    choose("GB", "uk")
    assert text_to(client, world, "07700900003") == (201, "")


@pytest.mark.parametrize(
    ("given", "chilean"),
    [
        ("12345678-5", "12.345.678-5"),
        ("123456785", "12.345.678-5"),
        ("7.654.321-1", "7.654.321-1"),  # its check digit is another: left as it came
        ("76543210-3", "76.543.210-3"),
        ("", ""),
        ("1" * 500, "1" * 500),
        ("ñ((name))", "ñ((name))"),
    ],
)
def test_a_run_is_written_as_people_write_it(client: FlaskClient, world: World, choose: Choose, given: str, chilean: str) -> None:
    template = add_template(world, "sms", body="Hola ((name)), RUN ((run))")
    body = {"phone_number": "+56912345678", "template_id": str(template), "personalisation": {"name": "Ana", "RUN": given}}

    def text() -> str:
        answer = client.post("/v2/notifications/sms", json=body, headers=world.headers())
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["content"]["body"])

    assert text() == f"Hola Ana, RUN {given}".strip(), "the published contract changes no value"
    choose("CL", "cl")
    assert text() == f"Hola Ana, RUN {chilean}".strip()
    filled = {"personalisation": body["personalisation"]}
    shown = client.post(f"/v2/template/{template}/preview", json=filled, headers=world.headers()).get_json()
    assert shown["body"] == f"Hola Ana, RUN {chilean}".strip()


def test_rows_follow_the_same_rules(client: FlaskClient, world: World, choose: Choose, notify: Notify, run_jobs: RunJobs) -> None:
    choose("CL", "cl")
    rows = [["phone number", "name", "amount"], ["912345678", "Ana", "$1"], ["07700900003", "Eva", "$1"]]
    job = {"template_id": str(world.templates["sms"]), "rows": rows}
    made = client.post("/v2/notifications/bulk", json=job, headers=world.headers()).get_json()
    run_jobs()
    assert [message.to for message in notify.sms.messages] == ["56912345678"]  # type: ignore[attr-defined]
    errors = client.get(f"/v2/notifications/bulk/{made['id']}/errors", headers=world.headers()).get_json()["errors"]
    assert [(each["row"], each["messages"]) for each in errors] == [(2, ["phone number: Too many digits"])]


def test_a_letter_goes_to_a_comuna(client: FlaskClient, world: World, choose: Choose, notify: Notify, run_jobs: RunJobs) -> None:
    template = add_template(world, "letter")
    body = {"template_id": str(template), "personalisation": VALUES | HOME}
    refused = client.post("/v2/notifications/letter", json=body, headers=world.headers())
    assert "real UK postcode" in refused.get_json()["errors"][0]["message"]
    choose("CL", "cl")
    made = client.post("/v2/notifications/letter", json=body, headers=world.headers())
    assert made.status_code == 201, made.text
    run_jobs()
    (letter,) = notify.printer.messages  # type: ignore[attr-defined]
    assert letter.recipient == "Camila Soto, Los Aromos 12, 2380000 Quilpalín"
    pdf = get_letter_file(notify, world.service_id, uuid.UUID(made.get_json()["id"])).pdf
    assert "2380000 Quilpalín" in pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


def test_a_letter_bears_the_day_that_it_is_where_people_are(notify: Notify, world: World) -> None:
    made = add_notification(world, "letter", created_at=datetime(2026, 6, 9, 2, 30, tzinfo=UTC))  # in Santiago half past ten in the evening
    assert render_letter(notify, made)
    words = pypdf.PdfReader(io.BytesIO(get_letter_file(notify, world.service_id, made).pdf)).pages[0].extract_text()
    assert ("08-06-2026" in words, "09-06-2026" in words) == (True, False)
