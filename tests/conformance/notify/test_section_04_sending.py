"""Sending, notify-api §4: what is answered, and what a person then gets."""

import uuid
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from notify.providers.memory import MemoryEmail, MemoryMailbox, MemoryPrint, MemorySms
from notify.standards.wire_time import wire_time
from shared.clock import FixedClock
from tests.factories.notify import ADDRESS, VALUES, World, add_sender
from tests.factories.notify_fixtures import RunJobs


@pytest.mark.rule("notify", "§4.1")
def test_a_text_is_answered_and_sent(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    body = {"phone_number": "07700 900 001", "template_id": str(world.templates["sms"]), "personalisation": VALUES, "reference": "r-1"}
    answer = client.post("/v2/notifications/sms", json=body, headers=world.headers())
    assert answer.status_code == 201
    made = answer.json
    template_id = world.templates["sms"]
    assert made == {
        "id": made["id"],
        "reference": "r-1",
        "content": {"body": "Hola Camila: recibimos su pago de $14.500.", "from_number": "NOTIFY"},
        "uri": f"http://localhost/v2/notifications/{made['id']}",
        "template": {"id": str(template_id), "version": 1, "uri": f"http://localhost/services/{world.service_id}/templates/{template_id}"},
        "scheduled_for": None,
    }
    run_jobs()
    sms = notify.sms
    assert isinstance(sms, MemorySms)
    (text,) = sms.messages
    assert (text.to, text.sender, text.reference) == ("447700900001", "NOTIFY", made["id"])
    assert text.body == "Colegio Las Araucarias: Hola Camila: recibimos su pago de $14.500."
    read = client.get(f"/v2/notifications/{made['id']}", headers=world.headers()).json
    assert (read["status"], read["phone_number"]) == ("sending", "07700 900 001")
    assert read["cost_details"] == {"billable_sms_fragments": 1, "international_rate_multiplier": 1, "sms_rate": 0.0233}


@pytest.mark.rule("notify", "§4.1")
def test_the_chosen_sms_sender_is_used(client: FlaskClient, world: World) -> None:
    add_sender(world, "sms", "DEFAULT", is_default=True)
    sender_id = add_sender(world, "sms", "ESCUELA")
    body = {"phone_number": "07700900001", "template_id": str(world.templates["sms"]), "personalisation": VALUES}
    assert client.post("/v2/notifications/sms", json=body, headers=world.headers()).json["content"]["from_number"] == "DEFAULT"
    body["sms_sender_id"] = str(sender_id)
    assert client.post("/v2/notifications/sms", json=body, headers=world.headers()).json["content"]["from_number"] == "ESCUELA"


@pytest.mark.rule("notify", "§4.2", "§14", "§8")
def test_an_email_is_answered_and_sent(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    reply_to = add_sender(world, "email", "oficina@example.com")
    body = {
        "email_address": " Camila.Soto@example.com ",
        "template_id": str(world.templates["email"]),
        "personalisation": VALUES | {"name": "Camila & <b>Soto</b>"},
        "email_reply_to_id": str(reply_to),
        "one_click_unsubscribe_url": "https://example.com/u?1",
    }
    made = client.post("/v2/notifications/email", json=body, headers=world.headers()).json
    assert made["content"] == {
        "subject": "Recibo de Camila & <b>Soto</b>",
        "body": "# Hola Camila & <b>Soto</b>\r\n\r\nRecibimos su pago de $14.500.",
        "from_email": "colegio.las.araucarias@notify.example.com",
        "one_click_unsubscribe_url": "https://example.com/u?1",
    }
    assert made["sanitised_content"] == {}
    run_jobs()
    email = notify.email
    assert isinstance(email, MemoryEmail)
    (mail,) = email.messages
    assert (mail.to, mail.reply_to, mail.unsubscribe_url) == ("Camila.Soto@example.com", "oficina@example.com", "https://example.com/u?1")
    assert "<h2>Hola Camila &amp; &lt;b&gt;Soto&lt;/b&gt;</h2>" in mail.html
    assert mail.plain_text.startswith("Hola Camila & <b>Soto</b>\n" + "=" * 65)
    assert client.get(f"/v2/notifications/{made['id']}", headers=world.headers()).json["status"] == "delivered"


@pytest.mark.rule("notify", "§4.2")
def test_named_values_are_sanitised(client: FlaskClient, world: World) -> None:
    body = {
        "email_address": "a@b.com",
        "template_id": str(world.templates["email"]),
        "personalisation": {"name": "[x](https://evil.com)", "amount": "# 1"},
        "sanitise_content_for": ["NA_ME"],
    }
    made = client.post("/v2/notifications/email", json=body, headers=world.headers()).json
    assert made["sanitised_content"] == {"name": {"unsanitised": "[x](https://evil.com)", "sanitised": r"\[x\]\(\)"}}
    assert made["content"]["body"] == "# Hola \\[x\\]\\(\\)\r\n\r\nRecibimos su pago de # 1."


@pytest.mark.rule("notify", "§4.3", "§5.3", "§17")
def test_a_letter_is_rendered_and_handed_to_the_printer(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    body = {"template_id": str(world.templates["letter"]), "personalisation": VALUES | ADDRESS, "reference": "L-1"}
    made = client.post("/v2/notifications/letter", json=body, headers=world.headers()).json
    assert made["content"] == {"subject": "Recibo de Camila", "body": "Hola Camila:\n\nRecibimos su pago de $14.500."}
    early = client.get(f"/v2/notifications/{made['id']}/pdf", headers=world.headers())
    assert (early.status_code, early.json["errors"][0]["error"]) == (400, "PDFNotReadyError")
    run_jobs()
    pdf = client.get(f"/v2/notifications/{made['id']}/pdf", headers=world.headers())
    assert (pdf.status_code, pdf.content_type, pdf.data[:5]) == (200, "application/pdf", b"%PDF-")
    printer = notify.printer
    assert isinstance(printer, MemoryPrint)
    (letter,) = printer.messages
    assert (letter.pdf, letter.reference, letter.postage) == (pdf.data, made["id"], "second")
    read = client.get(f"/v2/notifications/{made['id']}", headers=world.headers()).json
    assert (read["status"], read["line_1"], read["line_3"], read["postage"]) == ("accepted", "Camila Soto", "SW1 1AA", "second")
    assert read["cost_details"] == {"billable_sheets_of_paper": 1, "postage": "second"}
    assert read["estimated_delivery"].endswith("Z")


@pytest.mark.rule("notify", "§4")
def test_a_mailbox_message_is_kept_and_fed(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    body = {"recipient": "11.111.111-1", "template_id": str(world.templates["mailbox"]), "personalisation": VALUES}
    answer = client.post("/v2/notifications/mailbox", json=body, headers=world.headers())
    assert answer.status_code == 201
    run_jobs()
    feed = notify.mailbox
    assert isinstance(feed, MemoryMailbox)
    (item,) = feed.messages
    assert (item.to, item.subject) == ("11.111.111-1", "Recibo de Camila")
    read = client.get(f"/v2/notifications/{answer.json['id']}", headers=world.headers()).json
    assert (read["type"], read["status"], read["recipient"]) == ("mailbox", "delivered", "11.111.111-1")


@pytest.mark.rule("notify", "§22")
def test_a_scheduled_message_waits_for_its_time(
    client: FlaskClient, world: World, clock: FixedClock, notify: Notify, run_jobs: RunJobs
) -> None:
    at = clock.now() + timedelta(hours=1)
    body = {"phone_number": "07700900001", "template_id": str(world.templates["sms"]), "personalisation": VALUES}
    made = client.post("/v2/notifications/sms", json=body | {"scheduled_for": at.isoformat()}, headers=world.headers()).json
    assert made["scheduled_for"] == wire_time(at)
    sms = notify.sms
    assert isinstance(sms, MemorySms)
    run_jobs()
    assert sms.messages == []
    clock.advance(seconds=3601)
    run_jobs()
    assert len(sms.messages) == 1


@pytest.mark.rule("notify", "§3")
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_the_content_type_is_ignored(client: FlaskClient, world: World, content_type: str) -> None:
    body = f'{{"phone_number": "07700900001", "template_id": "{world.templates["sms"]}", "personalisation": {{"name": "a", "amount": 1}}}}'
    answer = client.post("/v2/notifications/sms", data=body, content_type=content_type, headers=world.headers())
    assert answer.status_code == 201
    assert uuid.UUID(answer.json["id"]).version == 7
