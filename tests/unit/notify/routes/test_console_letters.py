"""Letters as files without code: a PDF is sent, looked into, and what is wrong with it is said; notify-api §4.4, §17, §20."""

import io
from collections.abc import Callable

import pypdf
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from notify.context import Notify
from notify.models import Notification, Service
from notify.providers.memory import MemoryPrint
from notify.schemas.console_words import LETTER_REASONS
from tests.conformance.notify.test_section_04_precompiled import ADDRESS, GOOD, drawn, window
from tests.factories.notify import World, add_notification, add_template
from tests.factories.notify_console import actions, soup, submit
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§17", "§20", "NO-3")
CODES = (  # of the contract, and one of ours
    "letter-too-long",
    "letter-not-a4-portrait-oriented",
    "content-outside-printable-area",
    "notify-tag-found-in-content",
    "address-is-empty",
    "not-enough-address-lines",
    "too-many-address-lines",
    "invalid-address-line-1-or-2",
    "has-country-for-bfpo-address",
    "not-a-real-uk-postcode",
    "not-a-real-uk-postcode-or-country",
    "cant-send-international-letters",
    "invalid-char-in-address",
    "no-fixed-abode-address",
    "unable-to-read-the-file",
    "not-a-real-comuna",
)


def sent(client: FlaskClient, world: World, pdf: bytes, **form: str) -> str:
    """Send a file by hand and give the address of its page."""
    path = f"/services/{world.service_id}/letters/new"
    answer = submit(client, path, {"file": (io.BytesIO(pdf), "carta.pdf"), "postage": "first"} | form)
    assert answer.status_code == 303, soup(answer).main
    return answer.headers["Location"]


@pytest.mark.rule("notify", "§4.4")
def test_a_pdf_is_sent_by_hand_as_it_is(team: Callable[..., FlaskClient], world: World, notify: Notify, run_jobs: RunJobs) -> None:
    page = sent(client := team("agent"), world, GOOD)
    assert "En revisión" in client.get(page).text
    run_jobs()
    assert isinstance(notify.printer, MemoryPrint)
    [printed] = notify.printer.messages
    assert (printed.pdf, printed.postage, printed.recipient) == (GOOD, "first", ", ".join(ADDRESS))
    assert client.get(page + "/letter.pdf").data == GOOD
    assert sum("notification:viewed" in core for core in actions(notify)) == 2  # its page, and the letter itself
    assert "carta.pdf" in client.get(page).text
    with notify.reading() as tx:
        cores = tx.connection.execute(text("select core from audit_entries")).scalars().all()
    assert any("notification:accepted" in core and "staff:staff-1" in core for core in cores)


@pytest.mark.rule("notify", "§4.4")
def test_a_pdf_is_sent_once_however_often_the_button_is_pressed(team: Callable[..., FlaskClient], world: World) -> None:
    client = team("agent")
    button = soup(client.get(f"/services/{world.service_id}/letters/new")).select_one("input[name=press]")
    assert button is not None
    press = str(button["value"])
    assert sent(client, world, GOOD, press=press) == sent(client, world, GOOD, press=press)
    assert sent(client, world, GOOD + b" ", press=press) != sent(client, world, GOOD, press=press)  # another file


def test_what_is_wrong_with_a_pdf_is_said_in_words(team: Callable[..., FlaskClient], world: World, run_jobs: RunJobs) -> None:
    page = sent(client := team("agent"), world, drawn(*window("Camila Soto", "Los Aromos 12", "Santiago")))
    run_jobs()
    assert "la dirección del PDF" in client.get(page).text
    (told,) = soup(client.get(page)).select(".govuk-inset-text")
    assert told.text.startswith("La última línea de la dirección no es un código postal")


def test_every_reason_has_words_of_its_own(team: Callable[..., FlaskClient], world: World) -> None:
    assert set(LETTER_REASONS) == set(CODES)
    client, told = team("auditor"), set[str]()
    for code in CODES:
        made = add_notification(world, "letter", to="Provided as PDF", status="validation-failed", reason=code)
        (words,) = soup(client.get(f"/services/{world.service_id}/messages/{made}")).select(".govuk-inset-text")
        told.add(words.text)
    assert len(told) == len(CODES)


@pytest.mark.parametrize(
    ("pdf", "form", "field"),
    [
        (b"", {}, "file"),
        (b"hola", {}, "file"),
        (b"%PDF-" + b"x" * 20_000, {}, "file"),
        (GOOD, {"postage": "third"}, "postage"),
        (GOOD, {"postage": ""}, "postage"),
        (GOOD, {"reference": "x" * 1001}, "reference"),
        (GOOD, {"reference": "a\x00b"}, "reference"),
    ],
    ids=["nothing", "no PDF", "too large", "postage unknown", "no postage", "long reference", "reference of none"],
)
def test_what_cannot_be_taken_is_told_at_its_field(
    team: Callable[..., FlaskClient],
    world: World,
    notify: Notify,
    monkeypatch: pytest.MonkeyPatch,
    pdf: bytes,
    form: dict[str, str],
    field: str,
) -> None:
    monkeypatch.setattr("notify.operations.precompiled.BYTES_MAX", 20_000)
    path = f"/services/{world.service_id}/letters/new"
    refused = submit(team("agent"), path, {"file": (io.BytesIO(pdf), "carta.pdf"), "postage": "first"} | form)
    assert refused.status_code == 422
    assert [str(link["href"]) for link in soup(refused).select(".govuk-error-summary a")] == [f"#{field}"]
    with notify.reading() as tx:
        assert tx.connection.execute(select(Notification.id)).all() == []


@pytest.mark.rule("notify", "§12")
def test_nobody_sends_letters_on_trial_nor_without_the_right(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    path = f"/services/{world.service_id}/letters/new"
    assert team("auditor").get(path).status_code == 403
    assert team("org-other:owner").get(path).status_code == 404
    with notify.db.begin() as connection:
        connection.execute(update(Service).values(restricted=True))
    notify.catalogue.forget()
    refused = submit(team("agent"), path, {"file": (io.BytesIO(GOOD), "carta.pdf"), "postage": "first"})
    assert refused.status_code == 422


def test_all_pages_of_a_template_are_shown(team: Callable[..., FlaskClient], world: World) -> None:
    long = add_template(world, "letter", body="\n\n***\n\n".join(f"Página {number}" for number in range(5)))
    base, client = f"/services/{world.service_id}/templates", team("auditor")
    page = soup(client.get(f"{base}/{long}"))
    assert len(page.select("img.message__page")) == 3
    assert "aquí ve las primeras 3" in page.text
    (link,) = page.select("a[href$='letter.pdf']")
    assert len(pypdf.PdfReader(io.BytesIO(client.get(str(link["href"])).data)).pages) == 5
    assert client.get(f"{base}/{world.templates['sms']}/letter.pdf").status_code == 404
