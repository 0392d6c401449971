"""A telephone network: takes a text, answers with its own id, and reports the delivery afterwards.

The last two digits of a number that begins with +569000000 choose how it behaves; every other number gets its text.

    01 delivered            02 permanent failure     03 temporary failure    04 delivered, the receipt comes late
    05 no receipt at all    06 the receipt twice     07 429 the first time   08 503 the first time    09 503 every time
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx

log = logging.getLogger(__name__)

MAGIC_PREFIX = "+569000000"
LATE_SECONDS = 3.0
RECEIPT_TRIES = 5
_OUTCOMES = {"02": "permanent-failure", "03": "temporary-failure"}


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text as the gateway was asked to send it; `reference` is the sender's own."""

    to: str
    sender: str
    body: str
    reference: str
    callback_url: str


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a text."""

    gateway_id: str
    reference: str
    to: str
    status: str
    at: datetime

    def document(self) -> dict[str, str]:
        """The receipt as it is posted."""
        return {
            "id": self.gateway_id,
            "reference": self.reference,
            "to": self.to,
            "status": self.status,
            "at": self.at.isoformat().replace("+00:00", "Z"),
        }


class Busy(Exception):
    """The gateway will not take the text now; `status` is the HTTP status to answer with."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the gateway answers {status}")
        self.status = status


def behaviour(number: str) -> str:
    """The two digits that choose a behaviour, "01" for an ordinary number."""
    compact = "".join(character for character in number if character.isdigit() or character == "+")
    return compact[-2:] if compact.startswith(MAGIC_PREFIX) and len(compact) == len(MAGIC_PREFIX) + 2 else "01"


class Gateway:
    """Takes texts; keeps nothing but which references it has already turned away once."""

    def __init__(self, send_receipt: Callable[[str, Receipt, float], None], now: Callable[[], datetime]) -> None:
        self._send_receipt = send_receipt
        self._now = now
        self._turned_away: set[str] = set()
        self._lock = threading.Lock()

    def admit(self, text: Text) -> None:
        """Raise Busy where this number is a busy one."""
        kind = behaviour(text.to)
        if kind == "09":
            raise Busy(503)
        if kind in {"07", "08"} and self._first_time(text.reference or text.to):
            raise Busy(429 if kind == "07" else 503)

    def report(self, text: Text, gateway_id: str) -> None:
        """Arrange for the receipt of a text that was taken."""
        kind = behaviour(text.to)
        if text.callback_url and kind != "05":
            receipt = Receipt(
                gateway_id=gateway_id, reference=text.reference, to=text.to, status=_OUTCOMES.get(kind, "delivered"), at=self._now()
            )
            for _ in range(2 if kind == "06" else 1):
                self._send_receipt(text.callback_url, receipt, LATE_SECONDS if kind == "04" else 0.0)

    def _first_time(self, key: str) -> bool:
        with self._lock:
            seen = key in self._turned_away
            self._turned_away.add(key)
        return not seen


class ReceiptPoster:
    """Posts receipts from threads of its own, a few times where the listener is not there yet."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __call__(self, url: str, receipt: Receipt, delay_seconds: float) -> None:
        """Post a receipt after a while; returns at once."""
        self._later(delay_seconds, url, receipt, tries_left=RECEIPT_TRIES)

    def _later(self, seconds: float, url: str, receipt: Receipt, *, tries_left: int) -> None:
        timer = threading.Timer(seconds, self._post, args=(url, receipt, tries_left))
        timer.daemon = True
        timer.start()

    def _post(self, url: str, receipt: Receipt, tries_left: int) -> None:
        try:
            answer = self._client.post(url, json=receipt.document())
            delivered = answer.status_code < 500
        except httpx.HTTPError:
            delivered = False
        if delivered:
            return
        if tries_left <= 1:
            log.warning("receipt %s was not taken by %s", receipt.gateway_id, urlsplit(url).netloc)
            return
        self._later(float(RECEIPT_TRIES - tries_left + 1), url, receipt, tries_left=tries_left - 1)
