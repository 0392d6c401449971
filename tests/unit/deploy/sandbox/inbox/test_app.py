import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from deploy.sandbox.inbox.app import create_app
from deploy.sandbox.inbox.messages import Arrival, Channel, Messages
from deploy.sandbox.plan import Plan
from shared.clock import FixedClock


@pytest.fixture
def messages(plan: Plan, clock: FixedClock) -> Iterator[Messages]:
    store = Messages(plan.folder / "inbox.sqlite", clock)
    yield store
    store.close()


@pytest.fixture
def client(plan: Plan, messages: Messages, clock: FixedClock) -> FlaskClient:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"nothing is to be called: {request.url}")

    return create_app(plan, messages, http=httpx.Client(transport=httpx.MockTransport(nobody)), clock=clock).test_client()


def listed(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/messages{query}")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.get_json()["messages"]
    return found


@pytest.mark.parametrize("as_form", [False, True])
def test_a_text_is_kept(client: FlaskClient, as_form: bool) -> None:
    fields = {"to": "+56911111111", "from": "COLEGIO", "text": "Su pago llegó", "reference": "r-1"}
    answer = client.post("/gateway/sms", data=fields) if as_form else client.post("/gateway/sms", json=fields)
    assert answer.status_code == 201
    [message] = listed(client, "?channel=sms&to=%2B56911111111")
    assert answer.get_json() == {"id": message["id"], "status": "accepted"}
    assert set(message) >= {"id", "channel", "to", "from", "subject", "body", "headers", "attachments", "received_at"}
    assert (message["channel"], message["to"], message["from"], message["body"]) == ("sms", "+56911111111", "COLEGIO", "Su pago llegó")
    assert message["headers"] == {"Reference": "r-1"}
    assert message["received_at"] == "2026-11-21T17:05:00.000Z"


@pytest.mark.parametrize("body", [{}, {"to": "+56911111111"}, {"text": "x"}, {"to": 5, "text": "x"}, ["to"], "text", None])
def test_a_text_without_number_or_words_is_refused(client: FlaskClient, body: Any) -> None:
    answer = client.post("/gateway/sms", data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert listed(client) == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/gateway/sms", {"to": "+56911111111", "text": "x"}),
        ("/mailbox", {"to": "11111111-1", "body": "x"}),
        ("/push", {"to": "11111111-1", "body": "x"}),
    ],
)
def test_a_repeated_request_is_one_message(client: FlaskClient, path: str, fields: dict[str, str]) -> None:
    first = client.post(path, json=fields, headers={"Idempotency-Key": "k-1"})
    again = client.post(path, json=fields, headers={"Idempotency-Key": "k-1"})
    other = client.post(path, json=fields, headers={"Idempotency-Key": "k-2"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert first.get_json() == again.get_json() != other.get_json()
    assert len(listed(client)) == 2


def test_a_busy_gateway_says_when_to_come_back_and_keeps_nothing(client: FlaskClient) -> None:
    answer = client.post("/gateway/sms", json={"to": "+56900000007", "text": "x", "reference": "r-7"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert listed(client) == []


@pytest.mark.parametrize("raw", [True, False])
def test_a_letter_is_kept_byte_for_byte(client: FlaskClient, raw: bool) -> None:
    pdf = b"%PDF-1.7\n\x00\xfe"
    if raw:
        answer = client.post("/print?to=Camila&subject=Recibo", data=pdf, content_type="application/pdf")
    else:
        answer = client.post("/print", data={"to": "Camila", "subject": "Recibo", "file": (io.BytesIO(pdf), "recibo.pdf")})
    assert answer.status_code == 201
    [letter] = listed(client, "?channel=letter")
    assert (letter["to"], letter["subject"]) == ("Camila", "Recibo")
    [attachment] = letter["attachments"]
    assert attachment["content_type"] == "application/pdf"
    file = client.get(attachment["url"])
    assert (file.data, file.content_type) == (pdf, "application/pdf")


def test_a_letter_that_is_no_pdf_is_refused(client: FlaskClient) -> None:
    assert client.post("/print", data=b"<html>", content_type="application/pdf").status_code == 400


@pytest.mark.parametrize("channel", ["mailbox", "push"])
def test_mailbox_and_push_messages_are_kept(client: FlaskClient, channel: str) -> None:
    assert client.post(f"/{channel}", json={"to": "11111111-1", "subject": "Recibo", "body": "Pagado"}).status_code == 201
    [message] = listed(client, "?to=11111111-1")
    assert (message["channel"], message["subject"], message["body"]) == (channel, "Recibo", "Pagado")


def test_a_webhook_is_kept_raw_with_its_headers(client: FlaskClient) -> None:
    raw = b'{"a":  "\xc3\xb1"}\n'
    assert client.post("/webhooks/pay", data=raw, headers={"Pay-Signature": "abc"}, content_type="application/json").status_code == 204
    [message] = listed(client, "?channel=webhook")
    assert message["body"].encode() == raw
    assert message["headers"]["Pay-Signature"] == "abc"
    assert message["to"] == "/webhooks/pay"


def test_a_webhook_that_is_not_text_can_still_be_had_byte_for_byte(client: FlaskClient) -> None:
    client.put("/webhooks/x", data=b"\xff\x00", content_type="text/html")
    [message] = listed(client)
    file = client.get(message["attachments"][0]["url"])
    assert file.data == b"\xff\x00"
    assert file.content_type == "application/octet-stream"
    assert file.headers["Content-Disposition"].startswith("attachment")


def test_a_webhook_answers_as_its_address_asks(client: FlaskClient) -> None:
    assert [client.post("/webhooks/x?answer=503&times=2").status_code for _ in range(3)] == [503, 503, 204]
    assert [client.post("/webhooks/y?answer=500").status_code for _ in range(2)] == [500, 500]
    assert len(listed(client)) == 5


def test_the_list_can_begin_at_a_moment(client: FlaskClient, messages: Messages, clock: FixedClock) -> None:
    messages.add(Arrival(channel=Channel.PUSH, to="x", body="one"))
    clock.advance(seconds=10)
    messages.add(Arrival(channel=Channel.PUSH, to="x", body="two"))
    assert [m["body"] for m in listed(client, "?since=2026-11-21T17:05:05Z")] == ["two"]
    assert [m["body"] for m in listed(client, "?since=2026-11-21T14:05:05-03:00")] == ["two"]
    assert [m["body"] for m in listed(client, "?limit=1")] == ["two"]


@pytest.mark.parametrize("query", ["?channel=fax", "?since=yesterday", "?limit=0", "?limit=x", "?limit=1001"])
def test_a_list_that_cannot_be_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/messages{query}")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")


def test_the_inbox_can_be_emptied(client: FlaskClient, messages: Messages) -> None:
    messages.add(Arrival(channel=Channel.PUSH, to="x"))
    assert client.delete("/api/messages").status_code == 204
    assert listed(client) == []


@pytest.mark.parametrize("path", ["/messages/none", "/api/messages/none", "/api/messages/none/attachments/0", "/messages/none/html"])
def test_an_unknown_message_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(("language", "words"), [("es", "Todavía no ha llegado nada."), ("en", "Nothing has arrived yet.")])
def test_the_empty_list_says_so(client: FlaskClient, language: str, words: str) -> None:
    answer = client.get("/", headers={"Accept-Language": language})
    assert words in answer.text


def test_a_mail_of_a_stranger_cannot_run_in_our_page(client: FlaskClient, messages: Messages) -> None:
    kept = messages.add(
        Arrival(channel=Channel.EMAIL, to="a@b.cl", subject="<b>x</b>", body="<i>", html="<script>alert(1)</script><p>Hola</p>")
    )
    shown = client.get(f"/messages/{kept.message_id}")
    assert "<script" not in shown.text
    assert "&lt;b&gt;x&lt;/b&gt;" in shown.text
    assert "<iframe" in shown.text
    assert "frame-src 'self'" in shown.headers["Content-Security-Policy"]
    framed = client.get(f"/messages/{kept.message_id}/html")
    assert framed.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "<p>Hola</p>" in framed.text


def test_emptying_by_a_form_needs_the_forms_mark(client: FlaskClient, messages: Messages) -> None:
    messages.add(Arrival(channel=Channel.PUSH, to="x"))
    assert client.post("/clear").status_code == 403
    assert len(messages.find()) == 1
