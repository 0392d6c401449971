"""Files by email: what a file may be, the link, the key, the confirmed address, the end of the time; notify-api §4.5, §9."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from notify.context import Notify
from notify.models import Document
from notify.operations.retention import keep_days
from notify.providers.memory import MemoryEmail
from shared.clock import FixedClock
from tests.factories.notify import World, add_template, make_world
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§4.5", "§9")
PDF = b"%PDF-1.5 testpdf"
TO = "camila@example.com"
SUPPORTED = (
    "Unsupported file type '.exe'. Supported types are: '.csv', '.doc', '.docx', '.jpeg', '.jpg', '.json', '.odt', '.pdf', "
    "'.png', '.rtf', '.txt', '.xlsx'"
)


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def sender(notify: Notify) -> World:
    """A service that may send files."""
    return make_world(notify, contact_link="https://araucarias.example.com/ayuda")


def send(client: FlaskClient, world: World, file: Any, *, to: str = TO, kind: str = "normal", body: str = "Su archivo: ((file))") -> Any:
    template = add_template(world, "email", body=body, subject="Archivo")
    sent = {"email_address": to, "template_id": str(template), "personalisation": {"file": file}}
    return client.post("/v2/notifications/email", json=sent, headers=world.headers(kind))


def link_of(answer: Any) -> tuple[str, str, str]:
    """The link's path with its query, the path of the file itself, and the key."""
    assert answer.status_code == 201, answer.json
    link = answer.json["content"]["body"].removeprefix("Su archivo: ")
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}", parts.path, parse_qs(parts.query)["key"][0]


def direct(client: FlaskClient, world: World, notify: Notify, key: str) -> str:
    with notify.reading() as tx:
        document = tx.connection.execute(select(Document.id).order_by(Document.created_at.desc())).scalars().first()
    return f"/services/{world.service_id}/documents/{document}"


def test_a_file_travels_as_a_link_and_only_the_link_opens_it(client: FlaskClient, sender: World, notify: Notify) -> None:
    answer = send(client, sender, {"file": b64(PDF), "confirm_email_before_download": False})
    page, _, key = link_of(answer)
    shown = client.get(page)
    assert shown.status_code == 200
    assert shown.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    address = direct(client, sender, notify, key)
    got = client.get(f"{address}.pdf?key={key}")
    assert (got.data, got.mimetype, got.headers["Cache-Control"]) == (PDF, "application/pdf", "no-store")
    wrong = "A" * 43
    assert client.get(f"{address}?key={wrong}").status_code == 403
    for bad, said in (("", "Missing decryption key"), ("abc", "Invalid decryption key")):
        refused = client.get(f"{address}?key={bad}")
        assert (refused.status_code, refused.json) == (400, {"error": said})
    assert client.get(f"/services/{make_world(notify).service_id}/documents/{address.rpartition('/')[2]}?key={key}").status_code == 404


def test_a_file_that_stands_often_in_a_template_is_one_link_often(client: FlaskClient, sender: World) -> None:
    file = {"file": b64(b"%PDF-" + b"x" * 2_000_000)}
    answer = send(client, sender, file, body="((file)) " * 5)
    assert (answer.status_code, len(set(answer.json["content"]["body"].split()))) == (201, 1)


@pytest.mark.parametrize("name", ["a\r\nX-Other: 1.csv", "Ñandú\r\nX-Other: 1.csv"])
def test_a_name_makes_no_second_header(client: FlaskClient, sender: World, notify: Notify, name: str) -> None:
    _, _, key = link_of(send(client, sender, {"file": b64(b"a,b"), "filename": name, "confirm_email_before_download": False}))
    got = client.get(f"{direct(client, sender, notify, key)}?key={key}")
    assert (got.status_code, got.data, "X-Other" in got.headers) == (200, b"a,b", False)


def test_neither_file_nor_address_nor_key_stands_readable(client: FlaskClient, sender: World, notify: Notify) -> None:
    _, _, key = link_of(send(client, sender, {"file": b64(b"secreto secreto"), "filename": "camila.txt"}))
    with notify.reading() as tx:
        stored = str(tx.connection.execute(text("select documents::text from documents")).scalar_one())
    for clear in (b"secreto", b"camila", TO.encode(), base64.urlsafe_b64decode(key + "=")):
        assert clear.hex() not in stored
        assert clear.decode("latin-1") not in stored


def test_the_address_is_asked_for_and_remembered_for_an_hour(client: FlaskClient, sender: World, notify: Notify, clock: FixedClock) -> None:
    page, _, key = link_of(send(client, sender, {"file": b64(PDF)}))
    address = direct(client, sender, notify, key)
    assert client.get(f"{address}?key={key}").status_code == 403
    asked = client.get(page)
    assert b'autocomplete="email"' in asked.data
    token = asked.get_data(as_text=True).partition('name="csrf_token" value="')[2].partition('"')[0]
    wrong = client.post(page, data={"csrf_token": token, "email_address": "otra@example.com"})
    assert wrong.status_code == 422
    right = client.post(page, data={"csrf_token": token, "email_address": " Camila@Example.com "})
    assert right.status_code == 200
    assert client.get(f"{address}?key={key}").data == PDF
    clock.advance(seconds=3601)
    assert client.get(f"{address}?key={key}").status_code == 403


def test_the_calls_of_the_document_service(client: FlaskClient, sender: World, notify: Notify) -> None:
    _, _, key = link_of(send(client, sender, {"file": b64(PDF), "filename": "recibo.pdf", "retention_period": "2 weeks"}))
    address = direct(client, sender, notify, key)
    about = client.get(f"{address}/check?key={key}").json["document"]
    assert (about["confirm_email"], about["size_in_bytes"], about["file_extension"], about["filename"]) == (
        *(True, len(PDF)),
        *("pdf", "recibo.pdf"),
    )
    for body, status, said in (
        ({"email_address": TO}, 400, "Missing decryption key"),
        ({"key": "abc", "email_address": TO}, 400, "Invalid decryption key"),
        ({"key": key}, 400, "No email address"),
        ({"key": key, "email_address": "x"}, 400, "Invalid email address"),
        ({"key": key, "email_address": "otra@example.com"}, 403, "Authentication failure"),
    ):
        refused = client.post(f"{address}/authenticate", json=body)
        assert (refused.status_code, refused.json) == (status, {"error": said})
    passed = client.post(f"{address}/authenticate", json={"key": key, "email_address": TO})
    assert set(passed.json) == {"signed_data", "direct_file_url"}
    assert client.get(urlsplit(passed.json["direct_file_url"]).path + f"?key={key}").data == PDF


def test_addresses_cannot_be_tried_for_ever(client: FlaskClient, sender: World, notify: Notify) -> None:
    _, _, key = link_of(send(client, sender, {"file": b64(PDF)}))
    address = direct(client, sender, notify, key)
    for n in range(50):
        assert client.post(f"{address}/authenticate", json={"key": key, "email_address": f"a{n}@b.com"}).status_code == 403
    stopped = client.post(f"{address}/authenticate", json={"key": key, "email_address": TO})
    assert stopped.status_code == 429
    assert 0 < int(stopped.headers["Retry-After"]) <= 300


def test_a_file_ends_with_its_time(client: FlaskClient, sender: World, notify: Notify, clock: FixedClock) -> None:
    page, _, key = link_of(send(client, sender, {"file": b64(PDF), "confirm_email_before_download": False, "retention_period": "1 week"}))
    address = direct(client, sender, notify, key)
    clock.advance(seconds=7 * 24 * 3600)
    assert client.get(f"{address}?key={key}").status_code == 410
    assert client.get(page).status_code == 410
    keep_days(notify)
    assert client.get(f"{address}?key={key}").status_code == 404


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            {"file": "YQ==", "retention_period": "1 month"},
            "retention_period Unsupported value for retention_period: 1 month. Supported periods are from 1 to 78 weeks.",
        ),
        (
            {"file": "YQ==", "retention_period": False},
            "retention_period Unsupported value for retention_period: False. Supported periods are from 1 to 78 weeks.",
        ),
        (
            {"file": "YQ==", "retention_period": "79 weeks"},
            "retention_period Unsupported value for retention_period: 79 weeks. Supported periods are from 1 to 78 weeks.",
        ),
        (
            {"file": "YQ==", "confirm_email_before_download": "potato"},
            "confirm_email_before_download Unsupported value for confirm_email_before_download: potato. Use a boolean true or false value.",
        ),
        ({"file": "YQ==", "filename": "report"}, "filename `filename` must end with a file extension. For example, filename.csv"),
        ({"file": "YQ==", "filename": None, "is_csv": None}, "Do not set a value for `is_csv` if `filename` is set."),
        ({"file": False}, "file False is not of type string"),
        ({"file": "YQ==", "other": 1}, "Additional properties are not allowed (other was unexpected)"),
    ],
)
def test_how_a_file_is_put(client: FlaskClient, sender: World, file: Any, message: str) -> None:
    refused = send(client, sender, file)
    assert (refused.status_code, refused.json["errors"]) == (400, [{"error": "ValidationError", "message": message}])


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({"file": "YQ==", "filename": "a" * 97 + ".txt"}, "`filename` cannot be longer than 100 characters"),
        (
            {"file": "YQ==", "filename": "a.exe"},
            SUPPORTED,
        ),
        ({"file": ""}, "Document must not be empty"),
        ({"file": b64(b"a" * (2 * 1024 * 1024 + 1))}, "Uploaded file exceeds file size limit"),
        ({"file": "///"}, "Document is not base64 encoded"),
        ({"file": b64(rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*")}, "File did not pass the virus scan"),
    ],
)
def test_what_a_file_is(client: FlaskClient, sender: World, file: Any, message: str) -> None:
    refused = send(client, sender, file)
    assert (refused.status_code, refused.json["errors"]) == (400, [{"error": "BadRequestError", "message": message}])


@pytest.mark.parametrize(
    ("content", "name"), [(b"MZ\x90\x00", "a.pdf"), (b"%PDF-1.4", "a.png"), (b"{not json", "a.json"), (b"\0\1", "a.txt")]
)
def test_a_file_that_is_not_what_its_name_says(client: FlaskClient, sender: World, content: bytes, name: str) -> None:
    refused = send(client, sender, {"file": b64(content), "filename": name})
    assert refused.json["errors"][0]["message"].startswith("Unsupported file type")


@pytest.mark.parametrize(("content", "ending"), [(b"a,b", ".txt"), (b"%PDF-1.5 testpdf", ".pdf")])
def test_without_a_name_the_kind_is_seen(client: FlaskClient, sender: World, notify: Notify, content: bytes, ending: str) -> None:
    nulls = {"filename": None, "confirm_email_before_download": None, "retention_period": None}
    _, _, key = link_of(send(client, sender, {"file": b64(content), **nulls}))
    assert client.get(f"{direct(client, sender, notify, key)}/check?key={key}").json["document"]["file_extension"] == ending[1:]


def test_files_need_a_contact_and_go_by_email_only(client: FlaskClient, world: World, sender: World) -> None:
    refused = send(client, world, {"file": "YQ=="})
    assert refused.json["errors"][0]["message"].startswith("Send files by email has not been set up - add contact details")
    body = {
        "phone_number": "07700900001",
        "template_id": str(sender.templates["sms"]),
        "personalisation": {"name": {"file": "YQ=="}, "amount": 1},
    }
    refused = client.post("/v2/notifications/sms", json=body, headers=sender.headers())
    assert refused.json["errors"] == [{"error": "BadRequestError", "message": "Can only send a file by email"}]


def test_a_smoke_recipient_keeps_nothing_and_an_unused_file_is_kept(client: FlaskClient, sender: World, notify: Notify) -> None:
    def count() -> int:
        with notify.reading() as tx:
            return int(tx.connection.execute(select(func.count()).select_from(Document)).scalar_one())

    answer = send(client, sender, {"file": "YQ=="}, to="simulate-delivered@notifications.service.gov.uk")
    assert answer.json["content"]["body"].endswith("/test-document")
    assert count() == 0
    assert send(client, sender, {"file": "YQ=="}, body="Nada").status_code == 201
    assert count() == 1


def test_an_object_without_a_file_is_an_ordinary_value(client: FlaskClient, world: World) -> None:
    assert send(client, world, {"filename": "x"}).status_code == 201


def test_real_attachments_go_within_the_email(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    template = add_template(world, "email", body="Hola", subject="Archivo")
    files = [{"file": b64(PDF), "filename": "recibo.pdf"}, {"file": b64(b"a,b"), "filename": "datos.csv"}]
    body = {"email_address": TO, "template_id": str(template), "attachments": files}
    assert client.post("/v2/notifications/email", json=body, headers=world.headers()).status_code == 201
    run_jobs()
    assert isinstance(notify.email, MemoryEmail)
    [mail] = notify.email.messages
    assert [(a.filename, a.mimetype, a.content) for a in mail.attachments] == [
        ("recibo.pdf", "application/pdf", PDF),
        ("datos.csv", "text/csv", b"a,b"),
    ]
    for wrong in ([{"file": "YQ=="}], [1], "x", [{"file": "YQ==", "filename": "a.exe"}], [{"file": "YQ==", "filename": "a.txt"}] * 6):
        assert client.post("/v2/notifications/email", json=body | {"attachments": wrong}, headers=world.headers()).status_code == 400


def test_the_document_service_takes_a_file_by_itself(client: FlaskClient, world: World, notify: Notify) -> None:
    path = f"/services/{world.service_id}/documents"
    made = client.post(path, json={"document": b64(PDF), "filename": "x.pdf"}, headers=world.headers())
    assert (made.status_code, made.json["status"], made.json["document"]["mimetype"]) == (201, "ok", "application/pdf")
    parts = urlsplit(made.json["document"]["direct_file_url"])
    assert client.get(f"{parts.path}?{parts.query}").data == PDF
    assert client.post(path, json={"document": ""}, headers=world.headers()).json == {"error": "Document must not be empty"}
    other = f"/services/{make_world(notify).service_id}/documents"
    assert client.post(other, json={"document": "YQ=="}, headers=world.headers()).status_code == 403
