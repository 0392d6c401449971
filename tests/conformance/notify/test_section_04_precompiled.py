"""Letters that come as a file: what is taken, what is looked into, what is refused later and why; notify-api §4.4, §17."""

import base64
import io
import zlib
from typing import Any

import pypdf
import pytest
from flask.testing import FlaskClient
from pypdf.generic import NameObject, StreamObject

from notify.context import Notify
from notify.providers.memory import MemoryPrint
from notify.standards.letter_check import LetterRefused, check_letter
from tests.factories.notify import World, make_world
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§4.4", "§17")
ADDRESS = ("Camila Soto", "Los Aromos 12", "SW1 1AA")
_FONT = (("Type", "Font"), ("Subtype", "Type1"), ("BaseFont", "Helvetica"))
FONT = {NameObject(f"/{name}"): NameObject(f"/{value}") for name, value in _FONT}
VIRUS = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def drawn(*texts: tuple[float, float, str], pages: int = 1, size: tuple[float, float] = (210, 297)) -> bytes:
    """A PDF with texts at (mm from the left, mm from the top)."""
    writer = pypdf.PdfWriter()
    for number in range(pages):
        page = writer.add_blank_page(size[0] / 25.4 * 72, size[1] / 25.4 * 72)
        page[NameObject("/Resources")] = pypdf.generic.DictionaryObject(
            {NameObject("/Font"): pypdf.generic.DictionaryObject({NameObject("/F"): pypdf.generic.DictionaryObject(FONT)})}
        )
        drawing = StreamObject()
        shown = texts if number == 0 else ()
        places = [(x / 25.4 * 72, (size[1] - y) / 25.4 * 72, text) for x, y, text in shown]
        lines = [f"BT /F 10 Tf 1 0 0 1 {x:.2f} {y:.2f} Tm ({text}) Tj ET" for x, y, text in places]
        drawing._data = "\n".join(lines).encode("latin-1")
        page[NameObject("/Contents")] = writer._add_object(drawing)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def window(*lines: str) -> list[tuple[float, float, str]]:
    return [(25, 44 + 4 * number, line) for number, line in enumerate(lines)]


GOOD = drawn(*window(*ADDRESS), (20, 110, "Estimada Camila"))


def post(client: FlaskClient, world: World, kind: str = "normal", **changes: Any) -> Any:
    body = {"reference": "r-1", "content": base64.b64encode(GOOD).decode()} | changes
    return client.post("/v2/notifications/letter", json=body, headers=world.headers(kind))


def read(client: FlaskClient, world: World, made: str) -> Any:
    return client.get(f"/v2/notifications/{made}", headers=world.headers()).json


def test_a_file_is_taken_looked_into_and_printed_as_it_came(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    answer = post(client, world)
    assert (answer.status_code, set(answer.json)) == (201, {"id", "reference", "postage"})
    made = answer.json["id"]
    before = read(client, world, made)
    assert (before["status"], before["line_1"], before["is_cost_data_ready"]) == ("pending-virus-check", "Provided as PDF", False)
    early = client.get(f"/v2/notifications/{made}/pdf", headers=world.headers())
    assert early.json["errors"] == [{"error": "PDFNotReadyError", "message": "PDF not available yet, try again later"}]
    run_jobs()
    after = read(client, world, made)
    assert (after["status"], after["line_1"], after["line_3"], after["postage"]) == ("accepted", "Camila Soto", "SW1 1AA", "second")
    assert after["cost_details"] == {"billable_sheets_of_paper": 1, "postage": "second"}
    assert client.get(f"/v2/notifications/{made}/pdf", headers=world.headers()).data == GOOD
    assert isinstance(notify.printer, MemoryPrint)
    [printed] = notify.printer.messages
    assert (printed.pdf, printed.recipient) == (GOOD, "Camila Soto, Los Aromos 12, SW1 1AA")


@pytest.mark.parametrize("postage", ["first", "second", "economy"])
def test_postage_is_as_asked(client: FlaskClient, world: World, postage: str) -> None:
    assert post(client, world, postage=postage).json["postage"] == postage


@pytest.mark.parametrize(
    ("changes", "status", "kind", "message"),
    [
        ({"postage": "third"}, 400, "ValidationError", "postage invalid. It must be either first, second or economy."),
        ({"postage": 5}, 400, "ValidationError", "postage 5 is not of type string"),
        ({"postage": None}, 400, "ValidationError", "postage None is not of type string"),
        ({"reference": None}, 400, "ValidationError", "reference None is not of type string"),
        ({"content": 5}, 400, "ValidationError", "content 5 is not of type string"),
        ({"extra": 1}, 400, "ValidationError", "Additional properties are not allowed (extra was unexpected)"),
        ({"content": "///"}, 400, "BadRequestError", "Cannot decode letter content (invalid base64 encoding)"),
    ],
)
def test_what_is_refused_at_once(client: FlaskClient, world: World, changes: dict[str, Any], status: int, kind: str, message: str) -> None:
    refused = post(client, world, **changes)
    assert (refused.status_code, refused.json["errors"]) == (status, [{"error": kind, "message": message}])


def test_letters_need_a_live_service_and_a_key_for_everybody(client: FlaskClient, world: World, notify: Notify) -> None:
    assert post(client, world, "team").json["errors"][0]["message"] == "Cannot send letters with a team api key"
    trial = make_world(notify, restricted=True)
    assert post(client, trial).json["errors"][0]["message"] == "Cannot send letters when service is in trial mode"
    assert post(client, trial, "test").status_code == 201


@pytest.mark.parametrize(
    ("pdf", "status"),
    [
        (b"not a pdf", "validation-failed"),
        (GOOD + VIRUS, "virus-scan-failed"),
    ],
)
def test_what_is_refused_later_is_a_status(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, pdf: bytes, status: str
) -> None:
    made = post(client, world, content=base64.b64encode(pdf).decode()).json["id"]
    run_jobs()
    found = read(client, world, made)
    assert (found["status"], found["cost_in_pounds"]) == (status, 0.0)
    assert isinstance(notify.printer, MemoryPrint)
    assert notify.printer.messages == []
    if status == "virus-scan-failed":
        refused = client.get(f"/v2/notifications/{made}/pdf", headers=world.headers())
        assert refused.json["errors"][0]["message"] == "File did not pass the virus scan"
    else:
        assert found["validation_error"] == "unable-to-read-the-file"


def bomb() -> bytes:
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(595, 842)
    stream = pypdf.generic.EncodedStreamObject()
    stream._data = zlib.compress(b"0 " * 30_000_000)
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    page[NameObject("/Contents")] = writer._add_object(stream)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("pdf", "code"),
    [
        (drawn(*window(*ADDRESS), pages=11), "letter-too-long"),
        (drawn(*window(*ADDRESS), size=(297, 210)), "letter-not-a4-portrait-oriented"),
        (drawn(*window(*ADDRESS), size=(216, 279)), "letter-not-a4-portrait-oriented"),
        (drawn(*window(*ADDRESS), (5, 110, "fuera")), "content-outside-printable-area"),
        (drawn(*window(*ADDRESS), (20, 295, "fuera")), "content-outside-printable-area"),
        (drawn(*window(*ADDRESS), (2, 2, "NOTIFY")), "notify-tag-found-in-content"),
        (drawn((20, 110, "sin direccion")), "address-is-empty"),
        (drawn(*window("Camila", "SW1 1AA")), "not-enough-address-lines"),
        (drawn(*[(25, 40 + 3 * n, f"linea {n}") for n in range(8)]), "too-many-address-lines"),
        (drawn(*window("...", "---", "SW1 1AA")), "invalid-address-line-1-or-2"),
        (drawn(*window("Camila", "BFPO 1", "France")), "has-country-for-bfpo-address"),
        (drawn(*window("Camila", "Los Aromos 12", "Nowhere")), "not-a-real-uk-postcode-or-country"),
        (drawn(*window("Camila", "@Los Aromos", "SW1 1AA")), "invalid-char-in-address"),
        (drawn(*window("Camila", "No fixed abode", "SW1 1AA")), "no-fixed-abode-address"),
        (b"%PDF-1.7 broken", "unable-to-read-the-file"),
        (bomb(), "unable-to-read-the-file"),
    ],
)
def test_each_reason_has_its_code(pdf: bytes, code: str) -> None:
    with pytest.raises(LetterRefused) as refused:
        check_letter(pdf, allow_international=True)
    assert refused.value.code == code


@pytest.mark.parametrize(("last", "code"), [("France", "not-a-real-uk-postcode"), ("Nowhere", "not-a-real-uk-postcode")])
def test_abroad_needs_the_permission(last: str, code: str) -> None:
    pdf = drawn(*window("Camila", "Rue 1", last))
    with pytest.raises(LetterRefused) as refused:
        check_letter(pdf, allow_international=False)
    assert refused.value.code in {code, "cant-send-international-letters"}
