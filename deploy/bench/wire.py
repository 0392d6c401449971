"""HTTP/1.1 over one plain connection, with as little work as can be: who measures a server must not be what is slow."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

TIMEOUT_SECONDS = 30
CHUNK = 1 << 16


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case, and repeated ones stand as they came."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name, empty where there is none."""
        return next((value for known, value in self.headers if known == name), "")


class Wire:
    """One connection to one server, opened at the first request and again after the server closed it."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._socket: socket.socket | None = None
        self._rest = b""

    def send(self, raw: bytes) -> Answer:
        """Send one prepared request and wait for its answer.  Raises: OSError."""
        kept = self._socket is not None
        try:
            return self._exchange(raw)
        except ConnectionError:
            self.close()
            if not kept:
                raise
            return self._exchange(raw)  # the server had closed the connection that was kept

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def _exchange(self, raw: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(self._place, TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(raw)
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        answer = Answer(int(first.split(" ", 2)[1]), headers, b"")
        if answer.header("transfer-encoding") == "chunked":
            body = self._chunks()
        else:
            body = self._exactly(int(answer.header("content-length") or 0))
        if answer.header("connection").lower() == "close":
            self.close()
        return Answer(answer.status, headers, body)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            self._receive()
        head, _, self._rest = self._rest.partition(mark)
        return head

    def _exactly(self, length: int) -> bytes:
        while len(self._rest) < length:
            self._receive()
        body, self._rest = self._rest[:length], self._rest[length:]
        return body

    def _chunks(self) -> bytes:
        parts = []
        while length := int(self._until(b"\r\n").partition(b";")[0], 16):
            parts.append(self._exactly(length))
            self._until(b"\r\n")
        self._until(b"\r\n")
        return b"".join(parts)

    def _receive(self) -> None:
        if self._socket is None or not (data := self._socket.recv(CHUNK)):
            raise ConnectionResetError("the server closed the connection")
        self._rest += data
