"""Look into files that come from outside.  Spec of the wire: clamd, INSTREAM."""

import socket
import struct
from typing import Protocol

TEST_FILE = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The file by which scanners are tried: harmless, and found by every one."""
CHUNK_BYTES = 64 * 1024
ANSWER_BYTES_MAX = 4096


class ScannerAway(Exception):
    """The scanner gave no answer; nobody knows what is in the file."""


class VirusScanner(Protocol):
    """Tells whether a file is clean."""

    def is_clean(self, content: bytes) -> bool:
        """Look into a file.  Raises: ScannerAway."""
        ...


class TestFileScanner:
    """Knows the test file of virus scanners alone: for installations without a scanner."""

    def is_clean(self, content: bytes) -> bool:
        """Tell whether the test file is not in it."""
        return TEST_FILE not in content


class ClamdScanner:
    """Asks a clamd at `host:port`."""

    def __init__(self, address: str, *, timeout_seconds: float = 15) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._timeout_seconds = timeout_seconds

    def is_clean(self, content: bytes) -> bool:
        """Look into a file.  Raises: ScannerAway."""
        try:
            with socket.create_connection(self._address, timeout=self._timeout_seconds) as connection:
                connection.sendall(b"zINSTREAM\0")
                for begin in range(0, len(content), CHUNK_BYTES):
                    chunk = content[begin : begin + CHUNK_BYTES]
                    connection.sendall(struct.pack("!L", len(chunk)) + chunk)
                connection.sendall(struct.pack("!L", 0))
                answer = _read_answer(connection)
        except OSError as fault:
            raise ScannerAway(type(fault).__name__) from None
        if answer.endswith((b"OK\0", b"OK\n")):
            return True
        if answer.endswith((b"FOUND\0", b"FOUND\n")):
            return False
        raise ScannerAway("no clear answer")


def _read_answer(connection: socket.socket) -> bytes:
    """Read up to the end of the answer, which may come in pieces; what is cut off has no end and is no clear answer."""
    answer = b""
    while len(answer) < ANSWER_BYTES_MAX and not answer.endswith((b"\0", b"\n")):
        piece = connection.recv(ANSWER_BYTES_MAX)
        if not piece:
            break
        answer += piece
    return answer
