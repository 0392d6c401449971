"""notify's HTTP providers against the sandbox's own gateway, print and mailbox: what one sends the other takes, once."""

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

from deploy.sandbox.inbox.app import create_app
from deploy.sandbox.inbox.messages import Messages
from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from notify.providers.base import Letter, MailboxItem, Text
from notify.providers.http import HttpMailbox, HttpPrint, HttpSms
from shared.clock import SystemClock
from shared.http import Outbound

SERVICE = uuid.UUID("0190a7c0-0000-7000-8000-0000000000aa")
Find = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[tuple[str, Outbound, Find]]:
    messages = Messages(tmp_path / "inbox.db", clock=SystemClock())
    with httpx.Client() as http:
        app = create_app(Plan(tmp_path, Ports(8000), b"s" * 32), messages, http=http, clock=SystemClock())
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        outbound = Outbound(private_hosts=[f"127.0.0.1:{server.server_port}"])

        def find(channel: str) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = http.get(f"{base}/api/messages", params={"channel": channel}).json()["messages"]
            return found

        yield base, outbound, find
        outbound.close()
        server.shutdown()
        thread.join()
        server.server_close()
    messages.close()


@pytest.mark.rule("notify", "§10")
def test_a_text_handed_over_twice_arrives_once(inbox: tuple[str, Outbound, Find]) -> None:
    base, outbound, find = inbox
    sender = HttpSms(outbound, f"{base}/gateway/sms", name="gateway")
    text = Text("0190a7c0-0000-7000-8000-000000000001", "56900000005", "COLEGIO", "Hola", "http://127.0.0.1:9/receipts/{}".format)
    assert sender.send(text).provider_reference
    sender.send(text)
    (arrived,) = find("sms")
    assert (arrived["to"], arrived["from"], arrived["body"]) == ("+56900000005", "COLEGIO", "Hola")


def test_a_letter_handed_over_twice_arrives_once(inbox: tuple[str, Outbound, Find]) -> None:
    base, outbound, find = inbox
    printer = HttpPrint(outbound, f"{base}/print", name="print")
    letter = Letter("0190a7c0-0000-7000-8000-000000000002", SERVICE, "Camila Soto, Quilpalín", "Recibo", b"%PDF-1.7 x", "second")
    for _ in range(2):
        printer.send(letter)
    (arrived,) = find("letter")
    assert (arrived["to"], arrived["subject"]) == ("Camila Soto, Quilpalín", "Recibo")
    assert [file["content_type"] for file in arrived["attachments"]] == ["application/pdf"]


def test_a_mailbox_message_handed_over_twice_arrives_once(inbox: tuple[str, Outbound, Find]) -> None:
    base, outbound, find = inbox
    feed = HttpMailbox(outbound, f"{base}/mailbox", name="mailbox")
    item = MailboxItem("0190a7c0-0000-7000-8000-000000000003", "11.111.111-1", "Colegio", "Recibo", "Hola")
    for _ in range(2):
        feed.send(item)
    (arrived,) = find("mailbox")
    assert (arrived["to"], arrived["subject"], arrived["body"]) == ("11.111.111-1", "Recibo", "Hola")
