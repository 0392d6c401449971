"""The scanner's client against a small clamd that speaks INSTREAM, and the stand-in that knows the test file alone: one contract."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shared.virus_scan import CHUNK_BYTES, ClamdScanner, ScannerAway, TestFileScanner, VirusScanner

TEST_FILE = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
Answer = Callable[[socket.socket, bytes], None]


def read_stream(connection: socket.socket) -> bytes:
    """Read one INSTREAM as clamd does: the command, then chunks with their sizes, then a size of nought."""

    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = connection.recv(count - len(data))
            if not piece:
                raise ConnectionError
            data += piece
        return data

    assert exactly(10) == b"zINSTREAM\0"
    content = b""
    while size := struct.unpack("!L", exactly(4))[0]:
        assert size <= CHUNK_BYTES
        content += exactly(size)
    return content


def honest(connection: socket.socket, content: bytes) -> None:
    connection.sendall(b"stream: Eicar-Test-Signature FOUND\0" if TEST_FILE in content else b"stream: OK\0")


def in_pieces(connection: socket.socket, content: bytes) -> None:
    del content
    for piece in (b"stream: Eicar", b"-Test-Signature FO", b"UND\0"):
        connection.sendall(piece)


def too_large(connection: socket.socket, _content: bytes) -> None:
    connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")


def half_closed(connection: socket.socket, _content: bytes) -> None:
    connection.shutdown(socket.SHUT_WR)


@contextmanager
def clamd(answer: Answer) -> Iterator[str]:
    """A daemon on the loopback, with one kind of answer."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                try:
                    answer(connection, read_stream(connection))
                except (ConnectionError, AssertionError):
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


@pytest.fixture(params=["clamd", "stand-in"])
def scanner(request: pytest.FixtureRequest) -> Iterator[VirusScanner]:
    if request.param == "stand-in":
        yield TestFileScanner()
        return
    with clamd(honest) as address:
        yield ClamdScanner(address, timeout_seconds=5)


@pytest.mark.rule("notify", "§4")
@pytest.mark.parametrize("content", [b"", b"hola", b"x" * (CHUNK_BYTES * 3 + 1)], ids=["empty", "small", "several chunks"])
def test_clean_files_are_clean(scanner: VirusScanner, content: bytes) -> None:
    assert scanner.is_clean(content)


@pytest.mark.rule("notify", "§4")
def test_the_test_file_is_found_wherever_it_stands(scanner: VirusScanner) -> None:
    assert not scanner.is_clean(TEST_FILE)
    assert not scanner.is_clean(b"x" * (CHUNK_BYTES - 10) + TEST_FILE + b"y" * CHUNK_BYTES)


def test_an_answer_in_pieces_is_read_whole() -> None:
    with clamd(in_pieces) as address:
        assert not ClamdScanner(address, timeout_seconds=5).is_clean(b"hola")


@pytest.mark.parametrize("answer", [too_large, half_closed])
def test_without_a_clear_answer_nobody_calls_a_file_clean(answer: Answer) -> None:
    with clamd(answer) as address, pytest.raises(ScannerAway):
        ClamdScanner(address, timeout_seconds=5).is_clean(b"hola")


def test_a_scanner_that_is_not_there_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ScannerAway):
        ClamdScanner(f"127.0.0.1:{port}", timeout_seconds=1).is_clean(b"hola")
