"""Values that try something: other people's headers, scripts, letters that look alike, text that runs backwards, ten megabytes."""

from email import message_from_bytes
from email.policy import default

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from notify.context import Notify
from notify.standards.mime import message
from tests.factories.notify import World
from tests.factories.notify_fixtures import RunJobs

BACKWARDS = "\u202efdp.exe\u202c"
LOOKS_ALIKE = "Bаnсо Еstаdо"  # letters of the Cyrillic alphabet among them
SCRIPTS = "<script>alert(1)</script> [pago](javascript:alert(1)) <img src=x onerror=alert(2)>"
HEADER = "Camila\r\nBcc: todos@example.com\r\n\r\nOtro cuerpo"


def send(client: FlaskClient, world: World, channel: str, name: str) -> int:
    recipient = {"email": {"email_address": "camila@example.com"}, "sms": {"phone_number": "07700900003"}}[channel]
    body = {"template_id": str(world.templates[channel]), "personalisation": {"name": name, "amount": "$1"}, **recipient}
    return client.post(f"/v2/notifications/{channel}", json=body, headers=world.headers()).status_code


@pytest.mark.rule("notify", "§14")
@pytest.mark.parametrize("value", [BACKWARDS, LOOKS_ALIKE, SCRIPTS, HEADER, "\x00\x07", "\u2028\u2029", "🧨" * 200])
def test_an_email_stays_one_email_to_one_person(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, value: str) -> None:
    assert send(client, world, "email", value) == 201
    run_jobs()
    (mail,) = notify.email.messages  # type: ignore[attr-defined]  # the one in memory
    read = message_from_bytes(message(mail).as_bytes(), policy=default)
    assert (read["To"], read["Bcc"], read["Cc"]) == ("camila@example.com", None, None)
    assert "\n" not in read["Subject"]
    page = BeautifulSoup(mail.html, "html.parser")
    assert not page.select("script, img, iframe, object, form")
    assert not [link for link in page.select("a[href]") if str(link["href"]).startswith("javascript:")]
    assert not [tag for tag in page.find_all(True) if any(name.startswith("on") for name in tag.attrs)]


@pytest.mark.rule("notify", "§15")
@pytest.mark.parametrize("value", [BACKWARDS, LOOKS_ALIKE, HEADER, "\x00\x07"])
def test_a_text_holds_only_what_networks_carry_and_no_letter_that_looks_like_another(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, value: str
) -> None:
    assert send(client, world, "sms", value) == 201
    run_jobs()
    (sent,) = notify.sms.messages  # type: ignore[attr-defined]  # the one in memory
    assert not any(character in sent.body for character in "\u202e\u202c\x00\x07\r")
    assert not any("\u0400" <= character <= "\u04ff" for character in sent.body)


@pytest.mark.rule("notify", "§3")
def test_ten_megabytes_are_refused_before_they_are_looked_at(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    assert send(client, world, "email", "x" * 10_000_000) == 413
    assert send(client, world, "email", "x" * 2_100_000) == 400
    assert send(client, world, "sms", "x" * 2_100_000) == 400
    run_jobs()
    assert notify.email.messages == notify.sms.messages == []  # type: ignore[attr-defined]


@pytest.mark.rule("notify", "§16")
@pytest.mark.parametrize("address", ["camila@exаmple.com", "саmila@example.com", "camila@example.com\r\nBcc: a@b.com", "a@b.com\u202e"])
def test_an_address_that_looks_like_another_is_written_as_it_is_or_refused(client: FlaskClient, world: World, address: str) -> None:
    body = {"email_address": address, "template_id": str(world.templates["email"]), "personalisation": {"name": "C", "amount": "1"}}
    answer = client.post("/v2/notifications/email", json=body, headers=world.headers())
    if answer.status_code == 201:
        shown = client.get(f"/v2/notifications/{answer.get_json()['id']}", headers=world.headers()).get_json()
        assert shown["email_address"] == address.strip("\u202e")
        assert "\n" not in shown["email_address"]
    else:
        assert answer.get_json()["errors"][0]["message"] == "email_address Not a valid email address"
