"""A clock that is off keeps a service from starting; a time server that is away does not (KY-6)."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from deploy import serving
from deploy.errors import CannotStart
from shared.clock import FixedClock
from shared.time_server import EPOCH_1900, NoTime, offset_seconds

Answer = Callable[[bytes], bytes]


@contextmanager
def time_server(answer: Answer) -> Iterator[str]:
    """A server on this machine that answers one question."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))

        def serve() -> None:
            question, sender = channel.recvfrom(512)
            channel.sendto(answer(question), sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{channel.getsockname()[1]}"
        thread.join(2)


def at(clock: FixedClock, ahead: float, *, first: int = 0x24, stratum: int = 2, mark: bytes | None = None) -> Answer:
    def answer(question: bytes) -> bytes:
        assert question[0] == 0x23
        seconds = (clock.now() - EPOCH_1900).total_seconds() + ahead
        stamp = struct.pack("!2I", int(seconds), int(seconds % 1 * 2**32))
        return bytes([first, stratum]) + bytes(22) + (mark or question[40:48]) + stamp + stamp

    return answer


@pytest.mark.rule("identity", "KY-6")
@pytest.mark.parametrize("ahead", [0.0, 0.5, -3.25, 86_400.0, -86_400.5])
def test_the_difference_is_told(clock: FixedClock, ahead: float) -> None:
    with time_server(at(clock, ahead)) as server:
        assert offset_seconds(server, clock) == pytest.approx(ahead, abs=0.001)


BAD: list[tuple[str, dict[str, int | bytes]]] = [
    ("not a server's answer", {"first": 0x23}),
    ("not in step itself", {"first": 0xE4}),
    ("kiss of death", {"stratum": 0}),
    ("stratum 16", {"stratum": 16}),
    ("answers another question", {"mark": b"12345678"}),
]


@pytest.mark.rule("identity", "KY-6")
@pytest.mark.parametrize(("what", "changes"), BAD)
def test_answers_that_are_not_relied_on(clock: FixedClock, what: str, changes: dict[str, int | bytes]) -> None:
    with time_server(at(clock, 100.0, **changes)) as server, pytest.raises(NoTime):  # type: ignore[arg-type]  # each of its kind
        offset_seconds(server, clock)
    with time_server(lambda _: b"short") as server, pytest.raises(NoTime):
        offset_seconds(server, clock)
    for nowhere in ("127.0.0.1:9", "127.0.0.1:x"):
        with pytest.raises(NoTime):
            offset_seconds(nowhere, clock, timeout_seconds=0.2)


@pytest.mark.rule("identity", "KY-6")
def test_a_service_does_not_start_with_a_clock_that_is_off(clock: FixedClock) -> None:
    for ahead in (5.5, -60.0):
        with time_server(at(clock, ahead)) as server, pytest.raises(CannotStart, match="clock"):
            serving.require_clock(server, clock)
    with time_server(at(clock, 4.0)) as server:
        serving.require_clock(server, clock)
    serving.require_clock("", clock)
    serving.require_clock("127.0.0.1:9", clock)
