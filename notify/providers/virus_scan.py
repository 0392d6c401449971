"""Look into files that come from outside.  Spec of the wire: clamd, INSTREAM."""

import socket
import struct
from typing import Protocol

_TEST_FILE = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
CHUNK_BYTES = 64 * 1024


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
        return _TEST_FILE not in content


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
                answer = connection.recv(4096)
        except OSError as fault:
            raise ScannerAway(type(fault).__name__) from None
        if answer.endswith((b"OK\0", b"OK\n")):
            return True
        if b"FOUND" in answer:
            return False
        raise ScannerAway("no clear answer")
