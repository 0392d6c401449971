"""Providers that take a message and break off: nobody knows whether they have it, so nobody else gets it in the same try."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from notify.providers.base import ProviderUnavailable, Text
from notify.providers.http import HttpSms
from notify.providers.memory import MemorySms
from notify.providers.routing import Breaker, Route, Router
from notify.providers.smtp import SmtpEmail
from shared.clock import FixedClock
from shared.http import Outbound
from tests.contract.notify.test_providers import MAIL

TEXT = Text("0190a7c0-0000-7000-8000-000000000002", "56912345678", "COLEGIO", "Hola")


@contextmanager
def breaking_off(*said: bytes, greets: bytes = b"") -> Iterator[int]:
    """A server that reads something, says its next line, and in the end closes its half alone."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    connection.sendall(greets)
                    for line in said:
                        connection.recv(65536)
                        connection.sendall(line)
                    connection.recv(65536)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(10)


@contextmanager
def gateway(port: int) -> Iterator[HttpSms]:
    http = Outbound(private_hosts=(f"127.0.0.1:{port}",))
    yield HttpSms(http, f"http://127.0.0.1:{port}/sms", name="uno", timeout_seconds=5)
    http.close()


@pytest.mark.rule("notify", "§10")
@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"], ids=["no answer", "half an answer"])
def test_a_gateway_that_breaks_off_may_have_taken_the_text(clock: FixedClock, begun: bytes) -> None:
    other = MemorySms("dos")
    with breaking_off(*([begun] if begun else [])) as port, gateway(port) as first:
        routes = [Route("uno", first, Breaker(clock), 1000), Route("dos", other, Breaker(clock), 1)]
        with pytest.raises(ProviderUnavailable) as away:
            Router(routes).send(TEXT)
    assert away.value.may_have_taken
    assert other.calls == 0


@pytest.mark.rule("notify", "§10")
def test_a_relay_that_breaks_off_after_the_words_may_have_taken_them() -> None:
    said = (b"250 hola\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n")
    with breaking_off(*said, greets=b"220 hola\r\n") as port, pytest.raises(ProviderUnavailable) as away:
        SmtpEmail("127.0.0.1", port, timeout_seconds=5).send(MAIL)
    assert away.value.may_have_taken


@pytest.mark.rule("notify", "§10")
def test_a_relay_that_does_not_let_us_in_loses_no_message() -> None:
    """A password that has ended is no word about the message: it waits, and another relay may have it."""
    said = (b"250-hola\r\n250 AUTH PLAIN\r\n", b"535 5.7.8 no\r\n")
    with breaking_off(*said, greets=b"220 hola\r\n") as port, pytest.raises(ProviderUnavailable) as away:
        SmtpEmail("127.0.0.1", port, username="andamio", password="ended", timeout_seconds=5).send(MAIL)
    assert not away.value.may_have_taken
