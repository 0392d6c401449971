"""Keys that a client keeps at an address of its own: rotated, slow, huge, redirecting, private (CA-7, CA-8)."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from identity.errors import InvalidClientMetadata
from identity.providers.client_keys import RemoteClientKeys
from shared.clock import FixedClock
from shared.http import Outbound
from tests.factories.identity import RESOURCE, House, machine_client
from tests.factories.identity_protocol import Strict, ec_key, enter, public


class Site:
    """What one address answers with, and how often it was asked."""

    def __init__(self) -> None:
        self.body = b"{}"
        self.status = 200
        self.headers: dict[str, str] = {}
        self.hold = threading.Event()
        self.held = False
        self.asked = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/jwks"

    def keys(self, *numbers: int) -> None:
        self.body = json.dumps({"keys": [public(ec_key(number)) for number in numbers]}).encode()


@contextmanager
def served() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked += 1
            if site.held:
                site.hold.wait(20)
            self.send_response(site.status)
            for name, value in {"Content-Length": str(len(site.body)), **site.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(site.body)
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            """Keep still."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(house: House) -> Iterator[Site]:
    """An address with keys, which this identity may call although it is here."""
    with served() as made:
        http = Outbound(private_hosts=[f"localhost:{made.port}"])
        house.identity.__dict__["client_keys"] = RemoteClientKeys(http, house.clock, plain_http=True)
        yield made
        http.close()


def client_of(house: House, uri: str) -> Strict:
    """A machine whose keys are at an address; the address is changed behind the register's back, which takes https only."""
    from sqlalchemy import text

    enter(house, machine_client(client_id="remote", jwks=None, jwks_uri="https://keys.example/jwks"))
    with house.identity.db.begin() as connection:
        connection.execute(text("UPDATE clients SET jwks_uri = :uri WHERE client_id = 'remote'"), {"uri": uri})
    house.identity.clients.forget()
    return Strict(house, "remote", ec_key(51))


def status(client: Strict) -> int:
    return client.token(headers={}, grant_type="client_credentials", resource=RESOURCE, scope="notify:send").status_code


@pytest.mark.rule("identity", "CA-7")
def test_a_new_key_works_within_a_minute_and_an_old_one_ends(house: House, site: Site) -> None:
    client = client_of(house, site.url)
    site.keys(51)
    assert status(client) == 200
    assert status(client) == 200
    assert site.asked == 1, "kept"
    client.key = ec_key(52)
    site.keys(52)
    assert status(client) == 401, "asked for less than a minute ago"
    assert site.asked == 1
    house.clock.advance(seconds=60)
    assert status(client) == 200
    assert site.asked == 2
    client.key = ec_key(51)
    assert status(client) == 401, "the old key is not there any more"


@pytest.mark.rule("identity", "CA-7")
def test_keys_outlast_an_address_that_is_away_but_not_for_ever(house: House, site: Site) -> None:
    client = client_of(house, site.url)
    site.keys(51)
    assert status(client) == 200
    site.status = 503
    house.clock.advance(seconds=3600)
    assert status(client) == 200
    house.clock.advance(seconds=24 * 3600)
    assert status(client) == 401


@pytest.mark.rule("identity", "CA-8")
def test_addresses_that_answer_badly(house: House, site: Site) -> None:
    client = client_of(house, site.url)
    good = json.dumps({"keys": [public(ec_key(51))]}).encode()
    answers: list[tuple[str, int, bytes, dict[str, str]]] = [
        ("redirecting", 302, good, {"Location": site.url}),
        ("huge", 200, good + b" " * 300_000, {}),
        ("no JSON", 200, b"<html>", {}),
        ("a list", 200, b"[]", {}),
        ("keys a text", 200, b'{"keys": "x"}', {}),
        ("keys of numbers", 200, b'{"keys": [1, null, {}]}', {}),
        ("private key", 200, json.dumps({"keys": [dict(ec_key(51).as_dict(private=True))]}).encode(), {}),
        ("not found", 404, good, {}),
        ("deep", 200, b"[" * 100_000, {}),
        ("bytes that are no text", 200, b"\xff\xfe", {}),
    ]
    for name, code, body, headers in answers:
        site.status, site.body, site.headers = code, body, headers
        assert status(client) == 401, name
        house.clock.advance(seconds=60)
    site.status, site.body, site.headers = 200, good, {}
    assert status(client) == 200


@pytest.mark.rule("identity", "CA-8")
def test_a_slow_address_holds_one_request_for_three_seconds_and_no_transaction(
    house: House, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("identity.providers.client_keys.TIMEOUT_SECONDS", 0.3)
    client = client_of(house, site.url)
    site.held = True
    assert status(client) == 401
    assert status(client) == 401
    assert site.asked == 1, "asked once a minute, however many come"


@pytest.mark.rule("identity", "CA-8")
@pytest.mark.parametrize("uri", ["https://127.0.0.1/jwks", "https://localhost/jwks", "https://169.254.169.254/jwks", "https://[::1]/jwks"])
def test_private_addresses_are_not_called(clock: FixedClock, uri: str) -> None:
    http = Outbound()
    assert RemoteClientKeys(http, clock).find(uri, "x") == {}
    http.close()


@pytest.mark.rule("identity", "CA-8")
def test_plain_http_is_not_called(clock: FixedClock) -> None:
    with served() as made:
        made.keys(51)
        http = Outbound(private_hosts=[f"localhost:{made.port}"])
        assert RemoteClientKeys(http, clock).find(made.url, None) == {}
        assert made.asked == 0
        http.close()


@pytest.mark.rule("identity", "CA-7", "RG-5")
@pytest.mark.parametrize(
    "changes",
    [
        {"jwks_uri": "http://keys.example/jwks"},
        {"jwks_uri": "https://keys.example/jwks#x"},
        {"jwks_uri": "https://user@keys.example/jwks"},
        {"jwks_uri": "https://keys.example/jwks", "jwks": {"keys": [public(ec_key(51))]}},
        {"jwks_uri": None},
        {"jwks": {"keys": []}},
        {"tls_subject": {"kind": "tls_client_auth_subject_dn", "value": "CN=x"}, "jwks": {"keys": [public(ec_key(51))]}},
        {"auth_method": "tls_client_auth"},
        {"auth_method": "tls_client_auth", "tls_subject": {"kind": "pizza", "value": "x"}},
        {"auth_method": "tls_client_auth", "tls_subject": {"kind": "tls_client_auth_subject_dn", "value": "not a name"}},
        {"auth_method": "tls_client_auth", "tls_subject": {"kind": "tls_client_auth_san_ip", "value": "not an address"}},
        {"auth_method": "self_signed_tls_client_auth"},
        {"auth_method": "client_secret_basic"},
        {"auth_alg": "RS256", "jwks": {"keys": [public(ec_key(51))]}},
        {"grant_types": ("authorization_code",), "jwks": {"keys": [public(ec_key(51))]}},
        {"authorization_details_types": ("pizza",), "jwks": {"keys": [public(ec_key(51))]}},
        {"introspection_alg": "none", "jwks": {"keys": [public(ec_key(51))]}},
        {"id_token_alg": "RS256", "jwks": {"keys": [public(ec_key(51))]}},
    ],
)
def test_registrations_that_are_refused(house: House, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidClientMetadata):
        enter(house, machine_client(client_id="bad", **{"jwks": None, **changes}))
