"""A small SMSC: binds, takes texts, gives receipts.  It reads and writes PDUs by hand, so that it shares nothing with what it tests."""

import itertools
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BIND_RECEIVER, BIND_TRANSMITTER, SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 1, 2, 4, 5, 6, 0x15
RESP = 0x80000000
TEMPORARY = 0x64


@dataclass(frozen=True)
class Submitted:
    """A text as it arrived."""

    source: str
    source_ton: int
    to: str
    esm_class: int
    coding: int
    wants_receipt: bool
    body: bytes


@dataclass
class Smsc:
    """`statuses` are answered first, one a text; `silent` swallows texts; `receipts` wait for a receiver."""

    password: str = "secret"
    port: int = 0
    taken: list[Submitted] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    receipts: list[bytes] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    binds: list[int] = field(default_factory=list)
    silent: bool = False
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def serve(self, connection: socket.socket) -> None:
        with connection:
            while True:
                head = self._exactly(connection, 16)
                if head is None:
                    return
                length, command, status, sequence = struct.unpack(">IIII", head)
                body = self._exactly(connection, length - 16) or b""
                if command == UNBIND:
                    self._answer(connection, UNBIND, 0, sequence, b"")
                    return
                self._handle(connection, command, status, sequence, body)

    def _handle(self, connection: socket.socket, command: int, status: int, sequence: int, body: bytes) -> None:
        if command in {BIND_RECEIVER, BIND_TRANSMITTER}:
            self.binds.append(command)
            right = body.split(b"\0")[1] == self.password.encode()
            self._answer(connection, command, 0 if right else 0x0E, sequence, b"smsc\0" if right else b"")
            if right and command == BIND_RECEIVER:
                for number, text in enumerate(self.receipts, 1000):
                    connection.sendall(_pdu(DELIVER_SM, 0, number, _deliver(text)))
        elif command == SUBMIT_SM and not self.silent:
            self._submit(connection, sequence, body)
        elif command == DELIVER_SM | RESP:
            self.answers.append(status)

    def _submit(self, connection: socket.socket, sequence: int, body: bytes) -> None:
        connection.sendall(_pdu(ENQUIRE_LINK, 0, 77, b""))  # an SMSC may ask at any moment
        status = self.statuses.pop(0) if self.statuses else 0
        if status:
            self._answer(connection, SUBMIT_SM, status, sequence, b"")
            return
        self.taken.append(_read_submit(body))
        self._answer(connection, SUBMIT_SM, 0, sequence, f"m-{next(self._ids)}".encode() + b"\0")

    @staticmethod
    def _answer(connection: socket.socket, command: int, status: int, sequence: int, body: bytes) -> None:
        connection.sendall(_pdu(command | RESP, status, sequence, body))

    @staticmethod
    def _exactly(connection: socket.socket, size: int) -> bytes | None:
        found = b""
        while len(found) < size:
            try:
                piece = connection.recv(size - len(found))
            except OSError:
                return None
            if not piece:
                return None
            found += piece
        return found


def _pdu(command: int, status: int, sequence: int, body: bytes) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def _deliver(text: bytes) -> bytes:
    return b"\0\1\1" + b"56911111111\0" + b"\5\0" + b"COLEGIO\0" + b"\x04\0\0" + b"\0\0" + b"\0\0\0\0" + bytes([len(text)]) + text


def _read_submit(body: bytes) -> Submitted:
    _, rest = body.split(b"\0", 1)
    source_ton, source = rest[0], rest[2:].split(b"\0", 1)
    to = source[1][2:].split(b"\0", 1)
    esm_class, tail = to[1][0], to[1][3:]
    _, _, tail = tail.split(b"\0", 2)
    registered, _, coding, _, length = tail[:5]
    return Submitted(source[0].decode(), source_ton, to[0].decode(), esm_class, coding, bool(registered), tail[5 : 5 + length])


@contextmanager
def running() -> Iterator[Smsc]:
    """Serve on a free port until the block ends."""
    smsc = Smsc()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        smsc.port = listener.getsockname()[1]
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=smsc.serve, args=(connection,), daemon=True))
                threads[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield smsc
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
