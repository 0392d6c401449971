"""A TCP proxy that can be made slow, silent or dead: the network between a service and its engine, for fault rigs."""

import contextlib
import socket
import threading
import time

from deploy.system import LOOPBACK

CHUNK_BYTES = 65_536
ACCEPT_SECONDS = 0.2


class Proxy:
    """Hands bytes on between its own port and another; use as a context.

    `delay_seconds` is added to each piece in both directions.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self.delay_seconds = 0.0
        self._is_cut = False
        self._flows = threading.Event()
        self._flows.set()
        self._is_open = True
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server((LOOPBACK, 0), backlog=512)
        self._listener.settimeout(ACCEPT_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_open = False
        self._flows.set()
        self._close_all()
        self._thread.join()
        self._listener.close()

    def cut(self) -> None:
        """Break every connection, and each new one at once."""
        self._is_cut = True
        self._close_all()

    def hang(self) -> None:
        """Let nothing through, and tell nobody: what is sent waits."""
        self._flows.clear()

    def heal(self) -> None:
        """Be a plain wire again."""
        self.delay_seconds, self._is_cut = 0.0, False
        self._flows.set()

    def lead_to(self, target_port: int) -> None:
        """Lead to another port from now on; connections to the old one break."""
        self._target_port = target_port
        self._close_all()

    def _accept(self) -> None:
        while self._is_open:
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self._is_cut:
                near.close()
                continue
            try:
                far = socket.create_connection((LOOPBACK, self._target_port), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            near.settimeout(None)
            with self._lock:
                self._sockets |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                if self.delay_seconds:
                    time.sleep(self.delay_seconds)
                self._flows.wait()
                sink.sendall(data)
        for end in (source, sink):
            self._close(end)

    def _close_all(self) -> None:
        with self._lock:
            ends = list(self._sockets)
        for end in ends:
            self._close(end)

    def _close(self, end: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(end)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
