import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared import trace
from shared.http import Outbound, OutboundFailed, OutboundRefused, OutboundTimeout, is_public


class Party(BaseHTTPRequestHandler):
    """Somebody else's server, with manners to choose by path."""

    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path in {"/drip", "/drip-head"}:
            if self.path == "/drip":
                self.send_response(200)
                self.end_headers()
            for number in range(100):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: " if number == 0 and self.path != "/drip" else b"x")
                self.wfile.flush()
                time.sleep(0.05)
        else:
            body = b"x" * 5000 if self.path == "/huge" else json.dumps(dict(self.headers)).encode()
            self.send_response(503 if self.path == "/away" else 200)
            self.send_header("Set-Cookie", "theirs=1; Path=/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def do_POST(self) -> None:
        """Say what came, packed where the path asks for it."""
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = json.dumps({"kind": self.headers["Content-Type"], "body": sent}).encode()
        self.send_response(200)
        if self.path.startswith("/packed"):
            body = b"no gzip" if self.path == "/packed-badly" else gzip.compress(b"x" * 5000 if self.path == "/packed-huge" else body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Link", "<a>")
        self.send_header("Link", "<b>")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True


@pytest.fixture(scope="module")
def party() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Party)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def outbound(party: str) -> Iterator[Outbound]:
    made = Outbound(private_hosts=(party,), user_agent="andamio-toy")
    yield made
    made.close()


def test_answer_of_any_status_is_returned_with_its_body(outbound: Outbound, party: str) -> None:
    assert outbound.request("GET", f"http://{party}/away").status == 503
    assert outbound.request("GET", f"http://{party}/").json()["User-Agent"] == "andamio-toy"


def test_ids_of_the_work_travel_along(outbound: Outbound, party: str) -> None:
    with trace.working_on("request-1", "journey-1"):
        headers = outbound.request("GET", f"http://{party}/").json()
    assert (headers["X-Request-Id"], headers["X-Journey-Id"]) == ("request-1", "journey-1")


def test_bodies_of_each_kind(outbound: Outbound, party: str) -> None:
    url = f"http://{party}/"
    as_json = outbound.request("POST", url, json={"a": "ñ", "b": [1]})
    assert as_json.json() == {"kind": "application/json", "body": '{"a":"ñ","b":[1]}'}
    assert as_json.headers["link"] == "<a>, <b>", "a header that came twice"
    form = outbound.request("POST", url, data={"a": "b c", "d": "&"})
    assert form.json() == {"kind": "application/x-www-form-urlencoded", "body": "a=b+c&d=%26"}
    raw = outbound.request("POST", url, body=b"<a/>", headers={"content-type": "text/xml"})
    assert raw.json() == {"kind": "text/xml", "body": "<a/>"}
    assert outbound.request("POST", url).json()["body"] == ""
    parts = outbound.request("POST", url, data={"to": "x"}, files={"file": ("a.pdf", b"%PDF", "application/pdf")}).json()
    assert parts["kind"].startswith("multipart/form-data; boundary=")
    assert all(part in parts["body"] for part in ('name="to"\r\n\r\nx', 'filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF'))


def test_a_packed_answer_is_unpacked_and_counted_as_what_it_becomes(outbound: Outbound, party: str) -> None:
    assert outbound.request("POST", f"http://{party}/packed", body=b"hello").json()["body"] == "hello"
    with pytest.raises(OutboundFailed, match="too large"):
        outbound.request("POST", f"http://{party}/packed-huge", max_bytes=1000)
    with pytest.raises(OutboundFailed, match="broke"):
        outbound.request("POST", f"http://{party}/packed-badly")


def test_redirect_is_not_followed(outbound: Outbound, party: str) -> None:
    assert outbound.request("GET", f"http://{party}/redirect").status == 302


def test_no_cookie_of_one_call_goes_out_with_the_next(outbound: Outbound, party: str) -> None:
    answers = [outbound.request("GET", f"http://{party}/").json() for _ in range(2)]
    assert [name for answer in answers for name in answer if name.lower() == "cookie"] == []


def test_answer_over_the_cap_is_refused(outbound: Outbound, party: str) -> None:
    with pytest.raises(OutboundFailed, match="too large"):
        outbound.request("GET", f"http://{party}/huge", max_bytes=1000)


@pytest.mark.rule("identity", "CA-8")
@pytest.mark.parametrize("path", ["drip", "drip-head"])
def test_answer_that_drips_is_cut_off(outbound: Outbound, party: str, path: str) -> None:
    """Also one whose header never ends: each byte of it comes in time, the answer does not."""
    began = time.monotonic()
    with pytest.raises(OutboundTimeout):
        outbound.request("GET", f"http://{party}/{path}", timeout_seconds=0.3)
    assert time.monotonic() - began < 3, "a hundred bytes would take five seconds"


def test_silent_party_is_a_time_out(outbound: Outbound) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        guarded = Outbound(private_hosts=(address,))
        with pytest.raises(OutboundTimeout):
            guarded.request("GET", f"http://{address}/", timeout_seconds=0.2)
        guarded.close()


def test_a_name_that_is_resolved_too_slowly_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: answered.wait(30))
    began = time.monotonic()
    with pytest.raises(OutboundFailed) as refused:
        Outbound().request("GET", "http://slow.example/", timeout_seconds=0.2)
    answered.set()
    assert (refused.value.sent, time.monotonic() - began < 10) == (False, True)


def test_nobody_there_says_that_nothing_was_sent() -> None:
    guarded = Outbound(private_hosts=("127.0.0.1:1",))
    with pytest.raises(OutboundFailed) as caught:
        guarded.request("GET", "http://127.0.0.1:1/")
    assert not caught.value.sent


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8000/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://[fd00::1]/",
        "http://user:pass@example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "http:///nowhere",
        "",
    ],
)
def test_address_inside_is_not_called(url: str) -> None:
    with pytest.raises(OutboundRefused):
        Outbound().request("GET", url)


def test_listed_host_is_called_on_the_listed_port_only(party: str) -> None:
    host, port = party.split(":")
    guarded = Outbound(private_hosts=(f"{host}:{int(port) + 1}",))
    with pytest.raises(OutboundRefused):
        guarded.request("GET", f"http://{party}/")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("2001:4860:4860::8888", True),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::8.8.8.8", True),
        ("64:ff9b:1::10.0.0.1", False),
        ("2002:a00:1::", False),
        ("2002:808:808::", True),
        ("::10.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("2001:0:7f00:1::", False),
        ("fec0::1", False),
        ("fd00::1", False),
        ("fe80::1%1", False),
        ("ff0e::1", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public
