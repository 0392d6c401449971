"""The sinks of the bench take what a real relay, gateway and service take, and the network reports back."""

import smtplib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from deploy.bench.sinks import sinks
from deploy.system import free_port


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    found = (free_port(), free_port())
    with sinks(*found):
        yield found


def test_mails_are_taken_several_on_one_connection(ports: tuple[int, int]) -> None:
    with smtplib.SMTP("127.0.0.1", ports[0], timeout=5) as relay:
        for _ in range(2):
            assert relay.sendmail("a@example.com", ["b@example.com"], "Subject: x\r\n\r\n.hola\r\n") == {}


def test_a_text_is_answered_and_its_receipt_posted(ports: tuple[int, int]) -> None:
    got: list[bytes] = []
    came = threading.Event()

    class Listener(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if len(got) == 3:
                came.set()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    with httpx.Client(base_url=f"http://127.0.0.1:{ports[1]}") as client:
        for reference in ("m-1", "m-2"):
            text = {"to": "+56912345678", "reference": reference, "callback_url": f"http://127.0.0.1:{listener.server_port}/r?token=t"}
            assert client.post("/texts", json=text).json() == {"id": reference}
        for news in ({"id": "m-1", "status": "delivered", "notification_type": "sms"},) * 2 + ({"id": "job-1", "status": "finished"},):
            assert client.post("/told", json=news).status_code == 201
        assert client.post("/texts", json=text).json() == {"id": "m-2"}
        assert client.get("/counts").json() == {"texts": 3, "repeats": 1, "told": 1}
    assert came.wait(10)
    listener.shutdown()
    listener.server_close()
    assert sorted(got)[0] == b'{"reference": "m-1", "status": "delivered", "to": "+56912345678"}'
