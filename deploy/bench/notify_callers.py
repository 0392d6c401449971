"""Callers of notify's API in this process: each thread keeps a connection, and tokens are made anew before they run out; waiting."""

import contextlib
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from deploy.errors import CannotStart
from notify.standards.service_jwt import sign
from shared.notify_client import read_key

TOKEN_SECONDS = 15.0
KEPT_SECONDS = 2.0
PATIENCE_SECONDS = 1800.0
PERSONALISATION = {"name": "Camila", "reference": "A-1", "amount": "$3.500", "date": "21 de noviembre de 2026"}


@dataclass
class Caller:
    """A service that calls with one key; counts what was not answered as it should be."""

    base_url: str
    key: str = field(repr=False)
    wrong: int = 0
    _token: str = field(default="", repr=False)
    _made_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _own: threading.local = field(default_factory=threading.local, repr=False)

    def text(self, template_id: str, number: str = "+447900900123") -> None:
        """Send one text."""
        body = {"phone_number": number, "template_id": template_id, "personalisation": PERSONALISATION}
        status, _ = self.call("POST", "/v2/notifications/sms", json.dumps(body).encode())
        if status != http.HTTPStatus.CREATED:
            with self._lock:
                self.wrong += 1

    def get(self, path: str) -> dict[str, Any]:  # JSON, read by key
        """Read something.  Raises: CannotStart for another answer than 200."""
        status, text = self.call("GET", path)
        if status != http.HTTPStatus.OK:
            raise CannotStart(f"GET {path} was answered {status}")
        found: dict[str, Any] = json.loads(text)
        return found

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> dict[str, Any]:  # likewise
        """Make something.  Raises: CannotStart for another answer than 201."""
        status, text = self.call("POST", path, body, content_type)
        if status != http.HTTPStatus.CREATED:
            raise CannotStart(f"POST {path} was answered {status}: {text[:200]!r}")
        made: dict[str, Any] = json.loads(text)
        return made

    def call(self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json") -> tuple[int, bytes]:
        """Exchange one request over this thread's connection; status 0 where there was no answer."""
        if time.monotonic() - getattr(self._own, "used_at", 0.0) > KEPT_SECONDS:  # the server may have closed it meanwhile
            self._own.line = http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=60)
        try:
            self._own.line.request(method, path, body, {"Authorization": f"Bearer {self._fresh()}", "Content-Type": content_type})
            answer = self._own.line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._own.line.close()
            return 0, b""
        finally:
            self._own.used_at = time.monotonic()

    def _fresh(self) -> str:
        with self._lock:
            now = time.time()
            if now - self._made_at > TOKEN_SECONDS:
                self._token, self._made_at = sign(*read_key(self.key), now), now
            return self._token


def until(done: Callable[[], bool], words: str) -> None:
    """Wait for something.  Raises: CannotStart."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise CannotStart(words)
        time.sleep(0.2)


def signal_all(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to the groups of these processes that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)
