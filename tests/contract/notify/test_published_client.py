"""The published Python client against a live server, as a service uses it."""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from notifications_python_client.errors import HTTPError
from notifications_python_client.notifications import NotificationsAPIClient
from werkzeug.serving import make_server

from notify.context import Notify
from shared.clock import SystemClock
from tests.factories.notify import ADDRESS, VALUES, World
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§1")


@pytest.fixture
def published(app: Flask, world: World, notify: Notify) -> Iterator[Callable[[str], NotificationsAPIClient]]:
    """`published("test")` is a client with that type of key; its clock is the machine's own."""
    notify.clock = SystemClock()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    base_url = f"http://127.0.0.1:{server.server_port}"
    yield lambda kind: NotificationsAPIClient(f"key-{world.service_id}-{world.secrets[kind]}", base_url=base_url)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_whole_conversation(published: Callable[[str], NotificationsAPIClient], world: World, run_jobs: RunJobs) -> None:
    client = published("normal")
    ids = {channel: str(template) for channel, template in world.templates.items()}
    sms = client.send_sms_notification("07700900001", ids["sms"], VALUES, reference="r")
    email = client.send_email_notification("a@b.com", ids["email"], VALUES)
    letter = client.send_letter_notification(ids["letter"], VALUES | ADDRESS)
    mailbox = client.post(
        "/v2/notifications/mailbox", data={"recipient": "11111111-1", "template_id": ids["mailbox"], "personalisation": VALUES}
    )
    with pytest.raises(HTTPError) as early:
        client.get_pdf_for_letter(letter["id"])
    assert early.value.message == [{"error": "PDFNotReadyError", "message": "PDF not available yet, try again later"}]
    run_jobs()
    assert client.get_pdf_for_letter(letter["id"]).read()[:5] == b"%PDF-"
    assert client.get_notification_by_id(sms["id"])["reference"] == "r"
    assert client.get_notification_by_id(email["id"])["status"] == "delivered"
    everything = list(client.get_all_notifications_iterator())
    assert [item["id"] for item in everything] == [made["id"] for made in (mailbox, letter, email, sms)]
    assert client.get_all_notifications(status="sending", template_type="sms", include_jobs=True)["notifications"][0]["id"] == sms["id"]


def test_templates(published: Callable[[str], NotificationsAPIClient], world: World) -> None:
    client, template = published("test"), str(world.templates["email"])
    assert client.get_template(template) == client.get_template_version(template, 1)
    assert len(client.get_all_templates()["templates"]) == 4
    assert client.get_all_templates("sms")["templates"][0]["type"] == "sms"
    assert client.post_template_preview(template, VALUES)["subject"] == "Recibo de Camila"


def test_refusals_reach_the_caller(published: Callable[[str], NotificationsAPIClient], world: World) -> None:
    with pytest.raises(HTTPError) as refused:
        published("team").send_sms_notification("07700900001", str(world.templates["sms"]), VALUES)
    assert refused.value.status_code == 400
    assert refused.value.message == [{"error": "BadRequestError", "message": "Can’t send to this recipient using a team-only API key"}]
