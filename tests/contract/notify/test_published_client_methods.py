"""Every method that the published Python client has, unmodified, against a live server; notify-api §1, §21."""

import inspect
import io
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from notifications_python_client import prepare_upload
from notifications_python_client.errors import HTTPError
from notifications_python_client.notifications import NotificationsAPIClient
from sqlalchemy import update
from werkzeug.serving import make_server

from notify.context import Notify
from notify.models import Service
from notify.operations.received_texts import Incoming, give_number, take_text
from shared.clock import SystemClock
from tests.conformance.notify.test_section_04_precompiled import GOOD
from tests.factories.notify import ADDRESS, VALUES, World, add_sender, add_template
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§1", "§21")
NUMBER = "07700900555"
COVERED = {
    *("send_sms_notification", "send_email_notification", "send_letter_notification", "send_precompiled_letter_notification"),
    *("get_notification_by_id", "get_pdf_for_letter", "get_all_notifications", "get_all_notifications_iterator"),
    *("get_template", "get_template_version", "get_all_template_versions", "get_all_templates", "post_template_preview"),
    *("get_received_texts", "get_received_texts_iterator"),
}
OF_THE_BASE = {"delete", "generate_headers", "get", "post", "put", "request"}


@pytest.fixture
def published(app: Flask, world: World, notify: Notify) -> Iterator[NotificationsAPIClient]:
    """A client with a live key of a service that may do everything; its clock is the machine's own."""
    notify.clock = SystemClock()
    with notify.db.begin() as connection:
        connection.execute(update(Service).values(contact_link="https://example.com/help"))
    notify.catalogue.forget()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield NotificationsAPIClient(f"key-{world.service_id}-{world.secrets['normal']}", base_url=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_method_of_the_client_is_forgotten_here() -> None:
    methods = {name for name, _ in inspect.getmembers(NotificationsAPIClient, inspect.isfunction) if not name.startswith("_")}
    assert methods - OF_THE_BASE == COVERED


def test_sending_with_every_option(published: NotificationsAPIClient, world: World, run_jobs: RunJobs) -> None:
    sender, reply_to = add_sender(world, "sms", "ARAUCARIAS"), add_sender(world, "email", "oficina@example.com")
    ids = {channel: str(template) for channel, template in world.templates.items()}
    sms = published.send_sms_notification("07700900001", ids["sms"], VALUES, reference="r-1", sms_sender_id=str(sender))
    assert sms["content"]["from_number"] == "ARAUCARIAS"
    email = published.send_email_notification(
        "a@b.com",
        ids["email"],
        VALUES,
        reference="r-2",
        email_reply_to_id=str(reply_to),
        one_click_unsubscribe_url="https://example.com/u",
        sanitise_content_for=["name"],
    )
    assert email["content"]["one_click_unsubscribe_url"] == "https://example.com/u"
    assert email["sanitised_content"] == {}
    letter = published.send_letter_notification(ids["letter"], VALUES | ADDRESS, reference="r-3")
    assert letter["content"]["subject"] == "Recibo de Camila"
    run_jobs()
    for made, reference in ((sms, "r-1"), (email, "r-2"), (letter, "r-3")):
        assert published.get_notification_by_id(made["id"])["reference"] == reference
    assert published.get_pdf_for_letter(letter["id"]).read()[:5] == b"%PDF-"


def test_a_letter_that_comes_as_a_file_comes_back_byte_for_byte(published: NotificationsAPIClient, run_jobs: RunJobs) -> None:
    made = published.send_precompiled_letter_notification("r-4", io.BytesIO(GOOD), postage="first")
    assert set(made) == {"id", "reference", "postage"}
    with pytest.raises(HTTPError) as early:
        published.get_pdf_for_letter(made["id"])
    assert early.value.message[0]["error"] == "PDFNotReadyError"
    run_jobs()
    assert published.get_pdf_for_letter(made["id"]).read() == GOOD


@pytest.mark.parametrize(
    "options",
    [{}, {"filename": "datos.csv"}, {"confirm_email_before_download": False, "retention_period": "4 weeks"}, {"filename": None}],
)
def test_a_file_by_email(published: NotificationsAPIClient, world: World, options: dict[str, Any]) -> None:
    template = add_template(world, "email", body="Archivo: ((file))", subject="x")
    sent = published.send_email_notification("a@b.com", str(template), {"file": prepare_upload(io.BytesIO(b"a,b"), **options)})
    assert "/d/" in sent["content"]["body"]


def test_lists_and_their_iterators(published: NotificationsAPIClient, world: World, notify: Notify) -> None:
    made = [published.send_sms_notification("07700900001", str(world.templates["sms"]), VALUES, reference=f"r-{n}")["id"] for n in range(3)]
    assert [item["id"] for item in published.get_all_notifications()["notifications"]] == made[::-1]
    assert [item["id"] for item in published.get_all_notifications(reference="r-1")["notifications"]] == [made[1]]
    assert [item["id"] for item in published.get_all_notifications(older_than=made[1])["notifications"]] == [made[0]]
    assert published.get_all_notifications(status="delivered", template_type="email", include_jobs=True)["notifications"] == []
    assert [item["id"] for item in published.get_all_notifications_iterator()] == made[::-1]
    give_number(notify, world.service_id, NUMBER)
    texts = [str(take_text(notify, Incoming("x", str(n), "447700900123", NUMBER, f"hola {n}"))) for n in range(3)]
    assert [text["id"] for text in published.get_received_texts()["received_text_messages"]] == texts[::-1]
    assert [text["id"] for text in published.get_received_texts(older_than=texts[1])["received_text_messages"]] == [texts[0]]
    assert [text["id"] for text in published.get_received_texts_iterator()] == texts[::-1]


def test_templates(published: NotificationsAPIClient, world: World) -> None:
    template = str(world.templates["email"])
    assert published.get_template(template) == published.get_template_version(template, 1)
    assert published.get_all_template_versions(template)["data"] == [published.get_template(template)]
    assert len(published.get_all_templates()["templates"]) == 4
    assert [found["type"] for found in published.get_all_templates("sms")["templates"]] == ["sms"]
    assert published.post_template_preview(template, VALUES)["subject"] == "Recibo de Camila"
    for ask in (published.get_template, published.get_notification_by_id, published.get_pdf_for_letter):
        with pytest.raises(HTTPError) as refused:
            ask(str(uuid.uuid4()))
        assert refused.value.message == [{"error": "NoResultFound", "message": "No result found"}]
