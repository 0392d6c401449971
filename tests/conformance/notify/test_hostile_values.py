"""Values that try something: other people's headers, scripts, letters that look alike, text that runs backwards, ten megabytes."""

import time
import tracemalloc
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from notify.context import Notify
from notify.standards.email_markdown import to_html
from notify.standards.mime import message
from notify.standards.personalisation import FilledTooLong, fill, fill_line
from notify.standards.postal_address import country
from notify.standards.readability import measure
from notify.standards.sms_text import prepare
from notify.standards.text_diff import diff
from tests.factories.notify import ADDRESS, World, add_template
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


SPACES = "a" + " " * 200_000 + "b"
MARKS = "e" + "\u0301\u0323" * 100_000
SLOW: dict[str, Callable[[], object]] = {
    "blanks in an email": lambda: to_html(SPACES),
    "blanks in a subject": lambda: fill_line("((a))", {"a": SPACES}),
    "blanks in a text": lambda: prepare("🧨" + SPACES),
    "blanks between bars": lambda: to_html("a|b\n-" + "|  " * 40 + "x"),
    "backslashes": lambda: to_html("\\*" * 1_000_000),
    "lines of one item": lambda: to_html("* a" + ("\n" + "b" * 19) * 50_000),
    "full stops": lambda: measure("." * 200_000 + "x"),
    "marks in a text": lambda: prepare(MARKS),
    "marks in an address": lambda: country(MARKS),
    "lines that are the same": lambda: diff("a\n" * 20_000, "b\n" + "a\n" * 20_000 + "b"),
}


@pytest.mark.rule("notify", "§6", "§13", "§14", "§15", "§17")
@pytest.mark.parametrize("what", SLOW)
def test_no_value_takes_a_worker_for_itself(what: str) -> None:
    began = time.process_time()
    SLOW[what]()
    assert time.process_time() - began < 4


@pytest.mark.rule("notify", "§13")
@pytest.mark.parametrize("value", ["x" * 100_000, ["x" * 50_000] * 2, {"k": "x" * 100_000}])
def test_a_short_text_does_not_become_one_that_fills_the_memory(value: object) -> None:
    tracemalloc.start()
    with pytest.raises(FilledTooLong):
        fill("((a))" * 1000, {"a": value})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000


@pytest.mark.rule("notify", "§3")
@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ("sms", "Text messages cannot be longer than 918 characters. Your message is 100000001 characters long."),
        ("email", "Emails cannot be longer than 2000000 bytes. Your message is 100000001 bytes."),
        ("letter", "Letters cannot be longer than 10 pages."),
    ],
)
def test_what_would_is_refused(client: FlaskClient, world: World, channel: str, message: str) -> None:
    template = add_template(world, channel, body="((name))" * 1000 + "!")
    to = {"sms": {"phone_number": "07700900003"}, "email": {"email_address": "camila@example.com"}, "letter": {}}[channel]
    body = {"template_id": str(template), "personalisation": {"name": "x" * 100_000} | ADDRESS, **to}
    answer = client.post(f"/v2/notifications/{channel}", json=body, headers=world.headers())
    assert answer.get_json()["errors"] == [{"error": "BadRequestError", "message": f"Your message is too long. {message}"}]
