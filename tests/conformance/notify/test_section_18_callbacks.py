"""Callbacks to the service, notify-api §18."""

import base64
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from notify.context import Notify
from notify.errors import MessageRefused
from notify.operations.callback_log import forget_calls
from notify.operations.receipts import Receipt, apply_many, apply_receipt
from notify.operations.received_texts import Incoming, give_number, take_text
from notify.operations.services import set_callback
from notify.providers.base import ProviderRefused, RecipientRefused
from notify.providers.memory import MemorySms
from notify.standards.webhook_signature import signed_headers
from shared.clock import FixedClock
from shared.http import OutboundFailed, OutboundTimeout, Reply
from tests.factories.counted import forgotten
from tests.factories.notify import RECEIPT_SECRET, VALUES, World, add_callback, add_notification, make_world, settings
from tests.factories.notify_fixtures import RunJobs
from tests.unit.notify.standards.test_mail_reports import ID, arf

pytestmark = pytest.mark.rule("notify", "§18")
URL = "https://service.example.com/told"
Answer = Callable[[], Reply]


class Service:
    """The service's own server: answers in turn, then 204."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []

    def request(self, _method: str, url: str, **call: Any) -> Reply:
        self.calls.append((url, call))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, {}, b"")


def told(world: World, notify: Notify, service: Service, monkeypatch: pytest.MonkeyPatch, channel: str = "sms") -> uuid.UUID:
    monkeypatch.setattr(notify.http, "request", service.request)
    add_callback(world, URL)
    made = add_notification(world, channel, to="07700900001" if channel == "sms" else "A@b.com", status="sending", reference="r-1")
    apply_receipt(notify, made, "delivered", provider="x")
    return made


def outbox_states(notify: Notify) -> list[str]:
    with notify.reading() as tx:
        return list(tx.connection.execute(text("select state from outbox order by id")).scalars())


def test_the_body_and_the_bearer(world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    made = told(world, notify, service, monkeypatch)
    run_jobs()
    ((url, call),) = service.calls
    assert (url, call["headers"]["Authorization"], call["timeout_seconds"]) == (URL, "Bearer bearer-of-tests", 5)
    assert json.loads(call["body"]) == {
        "id": str(made),
        "reference": "r-1",
        "to": "07700900001",
        "status": "delivered",
        "created_at": "2026-06-08T16:00:00.000000Z",
        "completed_at": "2026-06-08T16:00:00.000000Z",
        "sent_at": None,
        "notification_type": "sms",
        "template_id": str(world.templates["sms"]),
        "template_version": 1,
    }


@pytest.mark.parametrize("answer", [500, 503, 429, OutboundTimeout("x"), OutboundFailed("x", sent=False)])
def test_what_passes_is_repeated_five_times_300_seconds_apart(
    world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, answer: int | Exception
) -> None:
    service = Service(*[answer] * 10)
    told(world, notify, service, monkeypatch)
    for expected in range(1, 7):
        run_jobs()
        assert len(service.calls) == expected
        clock.advance(seconds=299)
        run_jobs()
        assert len(service.calls) == expected
        clock.advance(seconds=1)
    run_jobs()
    assert (len(service.calls), outbox_states(notify)) == (6, ["dead"])  # kept, seen, and can be replayed


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_another_no_is_given_up(world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    service = Service(status)
    told(world, notify, service, monkeypatch)
    run_jobs()
    assert (len(service.calls), outbox_states(notify)) == (1, [])


def test_letters_are_told_too_and_services_that_did_not_ask_are_not(
    world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_receipt(notify, add_notification(world, status="sending"), "delivered", provider="x")
    assert outbox_states(notify) == []
    service = Service()
    monkeypatch.setattr(notify.http, "request", service.request)
    add_callback(world, URL)
    apply_receipt(notify, add_notification(world, "letter", status="sending"), "delivered", provider="x")
    run_jobs()
    assert json.loads(service.calls[0][1]["body"])["status"] == "received"


@pytest.mark.parametrize("status", ["permanent-failure", "technical-failure", "cancelled"])
def test_every_end_is_told(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    service = Service()
    monkeypatch.setattr(notify.http, "request", service.request)
    add_callback(world, URL)
    if status == "cancelled":
        letter = add_notification(world, "letter")
        client.post(f"/v2/notifications/{letter}/cancel", headers=world.headers())
    else:
        assert isinstance(notify.sms, MemorySms)
        notify.sms.faults.append(RecipientRefused("x") if status.startswith("perm") else ProviderRefused("x"))
        body = {"phone_number": "07700900001", "template_id": str(world.templates["sms"]), "personalisation": VALUES}
        client.post("/v2/notifications/sms", json=body, headers=world.headers())
    run_jobs()
    assert json.loads(service.calls[0][1]["body"])["status"] == status


def test_calls_are_signed_as_standard_webhooks_say(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(500)
    monkeypatch.setattr(notify.http, "request", service.request)
    wish = {"url": URL, "bearer_token": "long-enough-bearer"}
    secret = client.post("/v2/callbacks/settings", json=wish, headers=world.headers()).json["signing_secret"]
    again = client.post("/v2/callbacks/settings", json=wish, headers=world.headers()).json["signing_secret"]
    assert secret == again
    assert secret.startswith("whsec_")
    apply_receipt(notify, add_notification(world, status="sending"), "delivered", provider="x")
    run_jobs()
    clock.advance(seconds=300)
    run_jobs()
    first, second = (call["headers"] for _, call in service.calls)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 300
    for _, call in service.calls:
        said = f"{call['headers']['webhook-id']}.{call['headers']['webhook-timestamp']}.".encode() + call["body"]
        made = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), said, "sha256")
        assert call["headers"]["webhook-signature"] == "v1," + base64.b64encode(made).decode()


@pytest.mark.parametrize(("changes", "message"), [({"url": 1}, "url is a required property"), ({"kind": "x"}, "kind x is not one of")])
def test_settings_that_are_none(client: FlaskClient, world: World, changes: dict[str, object], message: str) -> None:
    wish = {"url": URL, "bearer_token": "long-enough-bearer"} | changes
    refused = client.post("/v2/callbacks/settings", json=wish, headers=world.headers())
    assert refused.status_code == 400
    assert refused.json["errors"][0]["message"].startswith(message)


def test_the_vector_of_standard_webhooks() -> None:
    headers = signed_headers("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_was_told_is_logged_and_can_be_told_again(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(500, OutboundTimeout("x"), 404)
    made = told(world, notify, service, monkeypatch)
    for _ in range(3):
        run_jobs()
        clock.advance(seconds=300)
    [call] = client.get("/v2/callbacks", headers=world.headers()).json["callbacks"]
    assert (call["state"], call["object_id"], call["kind"]) == ("refused", str(made), "delivery_status")
    assert [(each["status"], each["fault"]) for each in call["attempts"]] == [(500, None), (None, "OutboundTimeout"), (404, None)]
    assert client.get("/v2/callbacks?state=given_up", headers=world.headers()).json["callbacks"] == []
    assert client.get(f"/v2/callbacks?older_than={call['id']}", headers=world.headers()).json["callbacks"] == []
    assert client.get("/v2/callbacks?state=x", headers=world.headers()).status_code == 400
    other = make_world(notify)
    assert client.post(f"/v2/callbacks/{call['id']}/replay", headers=other.headers()).status_code == 404
    with notify.db.begin() as connection:
        connection.execute(text("delete from notifications"))  # its days are over
    assert client.post(f"/v2/callbacks/{call['id']}/replay", headers=world.headers()).status_code == 202
    run_jobs()
    assert client.get("/v2/callbacks", headers=world.headers()).json["callbacks"][0]["state"] == "taken"
    assert service.calls[0][1]["body"] == service.calls[-1][1]["body"]
    with notify.reading() as tx:
        stored = str(tx.connection.execute(text("select callback_calls::text from callback_calls")).scalar_one())
    assert b"07700900001".hex() not in stored
    clock.advance(seconds=31 * 24 * 3600)
    with forgotten("notify") as gone:
        forget_calls(notify)
    assert gone == {"callback_calls": 1}
    assert client.get("/v2/callbacks", headers=world.headers()).json["callbacks"] == []


@pytest.mark.parametrize("fault", [503, OutboundTimeout("x")])
def test_many_are_told_in_one_job_and_one_that_waits_gets_its_own(
    world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, fault: int | Exception
) -> None:
    service = Service(204, fault)
    monkeypatch.setattr(notify.http, "request", service.request)
    add_callback(world, URL)
    made = [add_notification(world, status="sending") for _ in range(5)]
    apply_many(notify, [Receipt(key, "delivered", "x", "", "") for key in made])
    assert outbox_states(notify) == ["waiting"]
    run_jobs()
    assert (len(service.calls), outbox_states(notify)) == (5, ["waiting"])
    clock.advance(seconds=300)
    run_jobs()
    told_of = [json.loads(call["body"])["id"] for _, call in service.calls]
    assert (len(told_of), sorted(set(told_of))) == (6, sorted(map(str, made)))
    assert outbox_states(notify) == []


def test_texts_that_come_in_are_told(world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    monkeypatch.setattr(notify.http, "request", service.request)
    set_callback(notify, world.service_id, url=URL, bearer="long-enough-bearer", actor="x", kind="inbound_sms")
    give_number(notify, world.service_id, "07700900555")
    received = take_text(notify, Incoming("x", "r", "447700900123", "07700900555", "hola"))
    run_jobs()
    assert json.loads(service.calls[0][1]["body"]) == {
        "id": str(received),
        "source_number": "447700900123",
        "destination_number": "07700900555",
        "message": "hola",
        "date_received": "2026-06-08T16:00:00.000000Z",
    }


def test_a_callback_needs_https_and_a_long_bearer(world: World, notify: Notify) -> None:
    with pytest.raises(MessageRefused):
        set_callback(notify, world.service_id, url=URL, bearer="short", actor="x")
    notify.settings = settings("postgresql://x/y", "redis://x", environment="production")
    with pytest.raises(MessageRefused):
        set_callback(notify, world.service_id, url="http://service.example.com", bearer="long-enough-bearer", actor="x")


@pytest.mark.parametrize(
    ("url", "bearer"),
    [
        ("https://", "long-enough-bearer"),
        ("https://[::1", "long-enough-bearer"),
        ("https://service.example.com:port/x", "long-enough-bearer"),
        ("https://service.example.com/" + "x" * 1000, "long-enough-bearer"),
        ("https://service.example.com/\x1b", "long-enough-bearer"),
        ("https://service.example.com/a b", "long-enough-bearer"),
        (URL, "long-enough-contraseña"),
        (URL, "long-enough\r\nX-More: 1"),
        (URL, "x" * 1001),
    ],
)
def test_what_no_call_could_be_made_with_is_refused_when_it_is_set(client: FlaskClient, world: World, url: str, bearer: str) -> None:
    answer = client.post("/v2/callbacks/settings", json={"url": url, "bearer_token": bearer}, headers=world.headers())
    assert (answer.status_code, answer.get_json()["errors"][0]["error"]) == (400, "BadRequestError")


def posted(client: FlaskClient, world: World, *references: object, secret: str = RECEIPT_SECRET) -> Any:
    headers = {"X-Receipt-Secret": secret}
    return client.post("/receipts/letters/returned", json={"references": [str(each) for each in references]}, headers=headers)


def test_a_letter_that_came_back_is_told_once_with_every_field(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    monkeypatch.setattr(notify.http, "request", service.request)
    set_callback(notify, world.service_id, url=URL, bearer="bearer-of-tests", actor="test", kind="returned_letter")
    sent = notify.clock.now()
    made = add_notification(world, "letter", to="Camila", status="delivered", reference="r-9", sent_at=sent)
    waiting, text_message = add_notification(world, "letter", to="Camila"), add_notification(world, "sms", status="delivered")
    answer = posted(client, world, made, waiting, text_message, uuid.uuid4())
    assert (answer.status_code, answer.get_json()["noted"]) == (200, 1)
    assert posted(client, world, made).get_json()["noted"] == 0
    run_jobs()
    ((url, call),) = service.calls
    assert url == URL
    assert json.loads(call["body"]) == {
        "notification_id": str(made),
        "reference": "r-9",
        "date_sent": "2026-06-08",
        "sent_by": "API key normal",
        "template_name": "Recibo por carta",
        "template_id": str(world.templates["letter"]),
        "template_version": 1,
        "spreadsheet_file_name": None,
        "spreadsheet_row_number": None,
        "upload_letter_file_name": None,
    }
    shown = client.get(f"/v2/notifications/{made}", headers=world.headers()).get_json()
    assert shown["status"] == "received"


@pytest.mark.parametrize("references", [[], "x", ["x"], None, ["x"] * 1001])
def test_returned_letters_are_named_by_their_ids(client: FlaskClient, references: object) -> None:
    headers = {"X-Receipt-Secret": RECEIPT_SECRET}
    assert client.post("/receipts/letters/returned", json={"references": references}, headers=headers).status_code == 400


def test_a_complaint_is_told_with_every_field(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    monkeypatch.setattr(notify.http, "request", service.request)
    set_callback(notify, world.service_id, url=URL, bearer="bearer-of-tests", actor="test", kind="complaint")
    made = add_notification(world, "email", to="Camila@example.com", status="delivered", reference="r-8")
    headers = {"X-Receipt-Secret": RECEIPT_SECRET, "Content-Type": "message/rfc822"}
    answer = client.post("/receipts/email", data=arf().replace(str(ID).encode(), str(made).encode()), headers=headers)
    assert answer.status_code == 200
    run_jobs()
    ((_, call),) = service.calls
    told = json.loads(call["body"])
    assert uuid.UUID(told.pop("complaint_id"))
    assert told == {
        "notification_id": str(made),
        "reference": "r-8",
        "to": "Camila@example.com",
        "complaint_date": "2026-06-08T16:00:00.000000Z",
    }
