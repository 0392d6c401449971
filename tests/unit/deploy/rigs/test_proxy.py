"""The wire that fault rigs break: whole, slow, silent, cut, led elsewhere."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from deploy.rigs.proxy import Proxy
from deploy.system import LOOPBACK


@contextlib.contextmanager
def speaker(word: bytes) -> Iterator[int]:
    """A server that answers each message with its word; gives its port."""
    listener = socket.create_server((LOOPBACK, 0))

    def talk(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            while peer.recv(100):
                peer.sendall(word)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.fixture
def wire() -> Iterator[Proxy]:
    with speaker(b"one") as port, Proxy(port) as proxy:
        yield proxy


def call(proxy: Proxy, timeout: float = 10.0) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.port), timeout=timeout)


def ask(peer: socket.socket) -> bytes:
    peer.sendall(b"?")
    return peer.recv(10)


def test_a_whole_wire_hands_on(wire: Proxy) -> None:
    with call(wire) as one, call(wire) as two:
        assert [ask(one), ask(two), ask(one)] == [b"one"] * 3


def test_a_slow_wire_takes_its_time_in_both_directions(wire: Proxy) -> None:
    wire.delay_seconds = 0.1
    with call(wire) as peer:
        began = time.monotonic()
        assert ask(peer) == b"one"
        assert time.monotonic() - began >= 0.2
        wire.heal()
        assert ask(peer) == b"one"


def test_a_cut_wire_breaks_what_is_open_and_what_comes(wire: Proxy) -> None:
    with call(wire) as peer:
        ask(peer)
        wire.cut()
        assert broken(peer)
    with call(wire) as later:
        assert broken(later)
    wire.heal()
    with call(wire) as again:
        assert ask(again) == b"one"


def test_a_silent_wire_keeps_what_is_sent_until_it_heals(wire: Proxy) -> None:
    with call(wire, timeout=0.3) as peer:
        wire.hang()
        peer.sendall(b"?")
        with pytest.raises(TimeoutError):
            peer.recv(10)
        wire.heal()
        peer.settimeout(10)
        assert peer.recv(10) == b"one"


def test_a_wire_led_elsewhere_breaks_the_old_way_and_goes_the_new(wire: Proxy) -> None:
    with speaker(b"two") as port, call(wire) as peer:
        ask(peer)
        wire.lead_to(port)
        assert broken(peer)
        with call(wire) as again:
            assert ask(again) == b"two"


def test_behind_a_wire_to_nowhere_nobody_answers(wire: Proxy) -> None:
    with socket.create_server((LOOPBACK, 0)) as closed:
        port = closed.getsockname()[1]
    wire.lead_to(port)
    with call(wire) as peer:
        assert broken(peer)


def broken(peer: socket.socket) -> bool:
    try:
        return ask(peer) == b""
    except OSError:
        return True
