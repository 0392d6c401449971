"""Ask a time server how far this machine's clock is off.  Spec: RFC 4330 (SNTP 4), RFC 5905 §8."""

import secrets
import socket
import struct
from datetime import UTC, datetime

from shared.clock import Clock

PORT, TIMEOUT_SECONDS = 123, 2.0
REQUEST, SERVER_MODE = 0x23, 4
"""Version 4, mode client; the mode of an answer."""
STRATUM_MAX = 15
EPOCH_1900 = datetime(1900, 1, 1, tzinfo=UTC)


class NoTime(Exception):
    """The server did not answer, or not with a time that can be relied on."""


def offset_seconds(server: str, clock: Clock, *, timeout_seconds: float = TIMEOUT_SECONDS) -> float:
    """Return how many seconds the time of `host` or `host:port` is ahead of our clock.  Raises: NoTime."""
    host, _, port = server.partition(":")
    mark = secrets.token_bytes(8)  # stands where our time would: an answer must repeat it, and nobody learns our clock
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.settimeout(timeout_seconds)
            channel.connect((host, int(port or PORT)))
            asked = _seconds(clock)
            channel.send(bytes([REQUEST]) + bytes(39) + mark)
            answer = channel.recv(512)
            heard = _seconds(clock)
    except (OSError, ValueError) as error:
        raise NoTime(type(error).__name__) from None
    received, sent = _read(answer, mark)
    return ((received - asked) + (sent - heard)) / 2


def _read(answer: bytes, mark: bytes) -> tuple[float, float]:
    """Return when the server got our question and when it answered, in seconds since 1900.  Raises: NoTime."""
    if len(answer) < 48 or answer[24:32] != mark:
        raise NoTime("not the answer to our question")
    if answer[0] & 7 != SERVER_MODE or answer[0] >> 6 == 3 or not 1 <= answer[1] <= STRATUM_MAX:
        raise NoTime("the server has no time itself")
    received, received_part, sent, sent_part = struct.unpack("!4I", answer[32:48])
    return received + received_part / 2**32, sent + sent_part / 2**32


def _seconds(clock: Clock) -> float:
    return (clock.now() - EPOCH_1900).total_seconds()
