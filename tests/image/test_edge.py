"""The edge that we ship, run for real: what a client sends is not what a service believes."""

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.install import folder
from deploy.install.folder import Installation
from deploy.system import free_port, wait_until
from notify.routes.bulk import BODY_BYTES_MAX as LIST_BYTES_MAX
from notify.routes.console.access import UPLOAD_BYTES_MAX
from pay.routes.console_bank import FORM_ROUND_IT, STATEMENT_MAX
from shared.app import BODY_BYTES_MAX

pytestmark = [pytest.mark.image, pytest.mark.xdist_group("image")]
DOMAIN = "servicios.example.cl"


@dataclass
class Edge:
    """nginx in front of a server that only notes what reached it."""

    port: int
    plain_port: int
    folder: Path
    seen: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    came_from: list[int] = field(default_factory=list)
    """The edge's own port of each request that reached the server."""

    def get(
        self,
        host: str,
        path: str = "/",
        *,
        headers: list[tuple[str, str]] | None = None,
        certificate: bool = False,
        method: str = "GET",
        body: bytes = b"",
    ) -> httpx.Response:
        """One request to a host name, over TLS; with a client's certificate where asked."""
        context = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        if certificate:
            context.load_cert_chain(self.folder / "fullchain.pem", self.folder / "privkey.pem")
        with httpx.Client(verify=context) as client:
            address = f"https://127.0.0.1:{self.port}{path}"
            request = client.build_request(method, address, headers=[("Host", host), *(headers or [])], content=body or None)
            request.extensions["sni_hostname"] = host
            return client.send(request)


def write_certificate(target: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"*.{DOMAIN}")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (target / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    unsealed = serialization.NoEncryption()
    (target / "privkey.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unsealed))


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    here = tmp_path_factory.mktemp("edge")
    installation = Installation(here / "andamio", DOMAIN, "Quilpalín", "800 000 000")
    folder.write(installation)
    made = Edge(free_port(), free_port(), here)
    write_certificate(here)

    class Note(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # with which connections may be kept

        def do_GET(self) -> None:
            made.came_from.append(self.client_address[1])
            if self.path.startswith("/break"):
                self.close_connection = True  # a service that dies
                return
            made.seen.append((self.path, {name: self.headers.get_all(name) or [] for name in self.headers}))
            self.send_response(204)
            self.end_headers()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    behind = ThreadingHTTPServer(("127.0.0.1", 0), Note)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    configuration = (installation.folder / "edge/nginx.conf").read_text()
    upstreams = (installation.folder / "edge/upstreams.conf").read_text()
    # Debian's nginx is older than the image's: it does not ask for names again, and here they are addresses.
    for shipped, here_instead in ((r"resolver .*", ""), (r" resolve;", ";"), (r"\w+:8080", f"127.0.0.1:{behind.server_port}")):
        upstreams, count = re.subn(shipped, here_instead, upstreams)
        assert count, shipped
    ended = socket.socket()  # a second wallet, which takes no connection
    ended.bind(("127.0.0.1", 0))
    second = f"zone wallet 64k; server 127.0.0.1:{ended.getsockname()[1]} max_fails=0;"
    (here / "upstreams.conf").write_text(upstreams.replace("zone wallet 64k;", second))
    for shipped, here_instead in (
        (r"user nginx;", ""),
        (r"/etc/nginx/upstreams.conf", f"{here}/upstreams.conf"),
        (r"listen 443 ", f"listen 127.0.0.1:{made.port} "),
        (r"listen 80\b", f"listen 127.0.0.1:{made.plain_port}"),
        (r"/etc/nginx/tls/", f"{here}/"),
        (r"/etc/nginx/headers.conf", f"{installation.folder}/edge/headers.conf"),
        (r"/etc/nginx/uncounted.conf", f"{here}/uncounted.conf"),
        (r"pid /tmp/nginx.pid", f"pid {here}/nginx.pid"),
        (r"http2 on;", ""),  # Debian's nginx is older than the image's and has it on `listen`
    ):
        configuration, count = re.subn(shipped, here_instead, configuration)
        assert count, shipped
    (here / "nginx.conf").write_text(configuration)
    shutil.copy(installation.folder / "edge/uncounted.conf", here)
    with (here / "said").open("wb") as said:
        nginx = subprocess.Popen(["nginx", "-c", str(here / "nginx.conf"), "-p", str(here), "-g", "daemon off;"], stderr=said)
    assert wait_until(lambda: _listens(made.port), 10)
    yield made
    nginx.terminate()
    nginx.wait(10)
    behind.shutdown()
    behind.server_close()
    ended.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


LIES = [
    ("X-Forwarded-For", "8.8.8.8"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Port", "1"),
    ("X-Forwarded-Prefix", "/evil"),
    ("Forwarded", "for=8.8.8.8;host=evil.example"),
    ("X-Real-IP", "8.8.8.8"),
    ("Client-Cert", ":AAAA:"),
    ("X-Client-Cert", "AAAA"),
    ("X-SSL-Client-Cert", "AAAA"),
    ("X_Forwarded_For", "8.8.8.8"),
    ("X_SSL_Client_Cert", "AAAA"),
]


ASKING = {"mtls": "identity", "mtls-notify": "notify", "mtls-pay": "pay", "mtls-wallet": "wallet"}
"""Names at which the edge asks for a certificate, and the service behind each."""


@pytest.mark.parametrize("host", ["identity", "notify", "pay", "wallet", *ASKING])
def test_what_a_client_says_of_its_connection_reaches_no_service(edge: Edge, host: str) -> None:
    edge.seen.clear()
    assert edge.get(f"{host}.{DOMAIN}", "/x?y=1", headers=LIES).status_code == 204
    [(path, headers)] = edge.seen
    assert path == "/x?y=1"
    told = {name.lower(): values for name, values in headers.items()}
    assert told["x-forwarded-for"] == ["127.0.0.1"]
    assert told["x-forwarded-proto"] == ["https"]
    assert told["host"] == [f"{ASKING.get(host, host)}.{DOMAIN}"]
    assert not set(told) & {
        "forwarded",
        "x-real-ip",
        "client-cert",
        "x-client-cert",
        "x-ssl-client-cert",
        "x_forwarded_for",
        "x_ssl_client_cert",
    }
    assert not any("evil" in value or "8.8.8.8" in value for values in told.values() for value in values)


@pytest.mark.rule("identity", "HT-9", "CA-10")
@pytest.mark.parametrize(("host", "service"), ASKING.items())
def test_a_certificate_is_passed_on_where_certificates_are_asked_for_and_nowhere_else(edge: Edge, host: str, service: str) -> None:
    edge.seen.clear()
    edge.get(f"{host}.{DOMAIN}", certificate=True)
    edge.get(f"{service}.{DOMAIN}", certificate=True)
    (_, asked), (_, not_asked) = edge.seen
    assert {name.lower(): values for name, values in asked.items()}["x-ssl-client-cert"][0].startswith("-----BEGIN%20CERTIFICATE-----")
    assert "x-ssl-client-cert" not in {name.lower() for name in not_asked}


def test_connections_to_the_services_are_kept(edge: Edge) -> None:
    """One that is closed keeps its port for a minute: with each request on its own there would be no port left at 470 a second."""
    edge.came_from.clear()
    processes = os.cpu_count() or 1
    for _ in range(4 * processes):
        assert edge.get(f"pay.{DOMAIN}").status_code == 204
    assert len(set(edge.came_from)) <= processes


def test_what_a_dying_service_may_have_done_is_not_sent_again(edge: Edge) -> None:
    for _ in range(2 * (os.cpu_count() or 1)):
        edge.get(f"pay.{DOMAIN}")
    edge.came_from.clear()
    assert edge.get(f"pay.{DOMAIN}", "/break", method="POST", body=b"x").status_code == 502
    assert len(edge.came_from) == 1


def test_one_of_a_kind_that_starts_or_ends_is_not_felt(edge: Edge) -> None:
    asked = [("GET", b""), ("POST", b"x")] * 3
    assert [edge.get(f"wallet.{DOMAIN}", method=method, body=body).status_code for method, body in asked] == [204] * 6


@pytest.mark.parametrize(
    ("host", "largest"),
    [
        ("notify", LIST_BYTES_MAX),
        ("mtls-notify", UPLOAD_BYTES_MAX),
        ("pay", STATEMENT_MAX + FORM_ROUND_IT),
        ("wallet", BODY_BYTES_MAX),
        ("identity", BODY_BYTES_MAX),
    ],
)
def test_the_largest_body_that_a_service_takes_gets_through(edge: Edge, host: str, largest: int) -> None:
    assert edge.get(f"{host}.{DOMAIN}", "/large", method="POST", body=bytes(largest)).status_code == 204


@pytest.mark.parametrize(("host", "too_large"), [("identity", 13 << 20), ("notify", LIST_BYTES_MAX + 1)])
def test_a_larger_one_is_refused_before_it_is_read(edge: Edge, host: str, too_large: int) -> None:
    before = len(edge.seen)
    assert edge.get(f"{host}.{DOMAIN}", "/too-large", method="POST", body=bytes(too_large)).status_code == 413
    assert len(edge.seen) == before


def test_metrics_are_not_for_the_outside(edge: Edge) -> None:
    edge.seen.clear()
    assert edge.get(f"pay.{DOMAIN}", "/metrics").status_code == 404
    assert edge.seen == []


def test_trace_is_not_answered(edge: Edge) -> None:
    edge.seen.clear()
    assert edge.get(f"pay.{DOMAIN}", "/", method="TRACE").status_code == 405
    assert edge.seen == []


DOUBTFUL = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 40\r\n\r\nhello",
    "a list of lengths": b"Content-Length: 5, 40\r\n\r\nhello",
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks under a covered name": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a blank before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a chunk that is no number": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "a length that is no number": b"Content-Length: +5\r\n\r\nhello",
}
HIDDEN = f"GET /hidden HTTP/1.1\r\nHost: pay.{DOMAIN}\r\n\r\n".encode()


@pytest.mark.parametrize("kind", DOUBTFUL)
def test_a_message_whose_end_is_doubtful_is_refused_and_nothing_behind_it_is_read(edge: Edge, kind: str) -> None:
    """Or edge and service could see two requests where the other sees one (ASVS 4.2.1)."""
    edge.seen.clear()
    with _raw(edge) as wire:
        wire.sendall(f"POST /outer HTTP/1.1\r\nHost: pay.{DOMAIN}\r\n".encode() + DOUBTFUL[kind] + HIDDEN)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while part := wire.recv(4096):
                answer += part
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) in ([b"400"], [b"501"]), answer
    assert edge.seen == []


def test_what_is_plain_about_its_end_passes(edge: Edge) -> None:
    edge.seen.clear()
    with _raw(edge) as wire:
        wire.sendall(HIDDEN)
        assert wire.recv(4096).startswith(b"HTTP/1.1 204")
    assert [path for path, _ in edge.seen] == ["/hidden"]


def test_what_goes_wrong_writes_no_address_and_no_secret(edge: Edge) -> None:
    """A link carries what opens it: the edge writes no line of a request, whatever becomes of it."""
    with _raw(edge) as wire:
        wire.sendall(f"GET /d/x?key=SECRET HTTP/1.1\r\nHost: pay.{DOMAIN}\r\nContent-Length: 5, 40\r\n\r\n".encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 400")
    assert edge.get(f"pay.{DOMAIN}", "/d/x?key=SECRET", headers=[("X-Large", "x" * 70_000)]).status_code == 400
    assert edge.get(f"pay.{DOMAIN}", "/break?key=SECRET").status_code == 502
    said = (edge.folder / "said").read_text()
    assert not any(secret in said for secret in ("SECRET", "/d/x", "127.0.0.1"))


def _raw(edge: Edge) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(edge.folder / "fullchain.pem"))
    return context.wrap_socket(socket.create_connection(("127.0.0.1", edge.port), timeout=2), server_hostname=f"pay.{DOMAIN}")


def burst(edge: Edge, most: int) -> int:
    """Many requests on one connection until one is not let through; the last answer."""
    context, answer, count = ssl.create_default_context(cafile=str(edge.folder / "fullchain.pem")), 204, 0
    with httpx.Client(verify=context, headers={"Host": f"pay.{DOMAIN}"}) as client:
        while answer == 204 and count < most:
            answer = client.get(f"https://127.0.0.1:{edge.port}/", extensions={"sni_hostname": f"pay.{DOMAIN}"}).status_code
            count += 1
    return answer


def test_one_address_is_held_back_unless_it_is_named(edge: Edge) -> None:
    """From here on this edge lets everything of ours through, so that what comes after is not held back."""
    assert burst(edge, 3000) == 429
    (edge.folder / "uncounted.conf").write_text("127.0.0.0/8 1;\n")
    os.kill(int((edge.folder / "nginx.pid").read_text()), signal.SIGHUP)
    assert wait_until(lambda: burst(edge, 400) == 204, 20)


def test_plain_http_is_sent_to_https(edge: Edge) -> None:
    answer = httpx.get(f"http://127.0.0.1:{edge.plain_port}/a", headers={"Host": f"pay.{DOMAIN}"})
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://pay.{DOMAIN}/a")


@pytest.mark.parametrize("host", [f"mtls-pay.{DOMAIN}", "other.example"])
def test_plain_http_is_not_answered_where_no_browser_comes(edge: Edge, host: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://127.0.0.1:{edge.plain_port}/a", headers={"Host": host})


def test_a_name_that_is_not_ours_learns_nothing(edge: Edge) -> None:
    with pytest.raises(httpx.ConnectError):
        edge.get("other.example")


def test_nothing_older_than_tls_1_3_is_spoken(edge: Edge) -> None:
    old = ssl.create_default_context(cafile=str(edge.folder / "fullchain.pem"))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", edge.port)) as plain, pytest.raises(ssl.SSLError):
        old.wrap_socket(plain, server_hostname=f"pay.{DOMAIN}")
