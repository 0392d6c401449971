"""A visitor of the bench signs in at a small site as a browser does: cookies, redirects, forms, and the code at the end."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.bench.crowds import closed_loop, steady
from deploy.bench.visitors import Door, Lost, Visitor

FORM = (
    '<form method="get"><input name="q"></form><form method="post" action="/in?a=1&amp;b=2">'
    '<input type="hidden" name="csrf" value="&#34;t&#34;"><input name="run" value=""></form>'
)
SEEN: list[tuple[str, str, dict[str, list[str]]]] = []


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        SEEN.append((self.path, self.headers.get("Cookie", ""), {}))
        if urlsplit(self.path).path == "/authorize" and "session=" in self.headers.get("Cookie", ""):
            self._redirect("http://127.0.0.1:9/callback?code=c-2")
        elif urlsplit(self.path).path == "/authorize":
            self._redirect("/page", ("browser=1; Path=/", "gone=x"))
        else:
            self._say(FORM.encode(), ("gone=; Max-Age=0",), chunked=True)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        SEEN.append((self.path, self.headers.get("Cookie", ""), form))
        if self.path == "/token":
            self._say(b'{"access_token": "a"}' if form["code"] != ["bad"] else b"{}", status=200 if form["code"] != ["bad"] else 400)
        elif form["run"] == ["1-9"]:
            self._redirect("http://127.0.0.1:9/callback?code=c-1", ("session=s",))
        else:
            self._redirect("http://127.0.0.1:9/callback?error=access_denied")

    def _redirect(self, where: str, cookies: tuple[str, ...] = ()) -> None:
        self.send_response(303)
        self.send_header("Location", where)
        self._end(b"", cookies)

    def _say(self, body: bytes, cookies: tuple[str, ...] = (), *, status: int = 200, chunked: bool = False) -> None:
        self.send_response(status)
        if not chunked:
            self._end(body, cookies)
            return
        for cookie in cookies:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        half = len(body) // 2
        for part in (body[:half], body[half:]):
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _end(self, body: bytes, cookies: tuple[str, ...]) -> None:
        for cookie in cookies:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def door() -> Iterator[Door]:
    SEEN.clear()
    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{site.server_port}"
    yield Door(f"{origin}/authorize?x=1", "http://127.0.0.1:9/callback", f"{origin}/token", {"client_id": "c"}, kept=("browser",))
    site.shutdown()
    site.server_close()


def test_a_sign_in_is_walked_through_and_the_next_one_begins_without_a_session(door: Door) -> None:
    visitor = Visitor(door, {"run": "1-9"})
    assert visitor.sign_in() == "c-1"
    assert SEEN == [
        ("/authorize?x=1", "", {}),
        ("/page", "browser=1; gone=x", {}),
        ("/in?a=1&b=2", "browser=1", {"csrf": ['"t"'], "run": ["1-9"]}),
    ]
    assert visitor.redeem("c-1") == {"access_token": "a"}
    assert visitor.authorize() == "c-2", "the session is there"
    assert visitor.sign_in() == "c-1", "and is not, with what the browser keeps"
    assert ("/authorize?x=1", "browser=1", {}) in SEEN
    visitor.leave()


def test_what_does_not_end_well_is_counted_as_wrong(door: Door) -> None:
    stranger = Visitor(door, {"run": "2-7"})
    with pytest.raises(Lost, match="access_denied"):
        stranger.sign_in()
    with pytest.raises(Lost, match="answered with 400"):
        stranger.redeem("bad")
    codes = iter(["c", "bad", "c"])
    measured = closed_loop("codes", [lambda: next_code(stranger, codes)], 30)
    assert (round(measured.per_second * 30) > 0, measured.wrong, "400" in measured.fault) == (True, 1, True)
    stranger.leave()


def next_code(visitor: Visitor, codes: Iterator[str]) -> None:
    visitor.redeem(next(codes))


def test_acts_fall_due_whether_or_not_the_last_is_over() -> None:
    leave = threading.Event()

    def act(number: int) -> str:
        if number == 0 and not leave.is_set():
            leave.wait(10)
            return "slow"
        leave.set()
        return "quick"

    found = steady(act, per_second=200, seconds=0.1, threads=2)
    assert found.answers["quick"] + found.answers["slow"] == 20
    assert found.percentile(0.5) <= found.percentile(0.95)
