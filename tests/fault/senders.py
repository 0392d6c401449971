"""A service that posts messages while the suite is being broken, as its client sees it.

A try whose answer was lost may have been accepted or not, so the next try is another message with a reference of its own.  Only a
201 is an acceptance.
"""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
from notifications_python_client.authentication import create_jwt_token

from deploy.system import wait_until
from tests.fault.suite import Suite, until, until_none

POSTING_SECONDS = 120.0
THREADS = 4
LISTING_SECONDS = 1.0
UUID_CHARACTERS = 36
DONE = frozenset({"delivered"})
TO = {"sms": ("phone_number", "+56911111111"), "email": ("email_address", "camila.soto@example.com")}


@dataclass
class Sender:
    """Posts with a key of the sandbox's service; `accepted` grows: notification id by reference."""

    suite: Suite
    name: str
    key_kind: str = "live"
    accepted: dict[str, str] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    lost: Counter[str] = field(default_factory=Counter)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._url = self.suite.url("notify")
        self._key = self.suite.sandbox.text("notify", "api_keys", self.key_kind)
        self._http = self.suite.http

    def post(self, channel: str) -> str | None:
        """Try once; the notification's id when it was accepted, None when the service was away."""
        with self._lock:
            reference = f"{self.name}-{next(self._numbers)}"
            self.tried.add(reference)
        field_name, address = TO[channel]
        body = {
            field_name: address,
            "template_id": self.suite.sandbox.text("notify", "templates", channel),
            "personalisation": {"name": "Camila", "amount": "$3.500", "date": "hoy", "reference": f"<{reference}>"},
            "reference": reference,
        }
        try:
            answer = self._http.post(f"{self._url}/v2/notifications/{channel}", json=body, headers=self._headers())
        except httpx.TransportError as error:
            self._lose(type(error).__name__)
            return None
        if answer.status_code != 201:
            assert answer.status_code >= 500 or answer.status_code == 429, answer.text  # a quick machine reaches the limit of the live key
            self._lose(str(answer.status_code))
            return None
        with self._lock:
            self.accepted[reference] = answer.json()["id"]
        return self.accepted[reference]

    def post_all(self, channels: Iterable[str]) -> None:
        """Post a message for each, trying until it is accepted, from several threads."""
        with ThreadPoolExecutor(THREADS) as pool:
            for one in [pool.submit(self._insist, channel) for channel in channels]:
                one.result()

    def post_during(self, channels: Sequence[str], faults: Callable[[], None]) -> None:
        """Post from several threads, each trying until its message is accepted, from before the faults until after the last of them."""
        over = threading.Event()

        def go_on(turns: Iterator[str]) -> None:
            for channel in turns:
                self._insist(channel)
                if over.is_set():
                    return

        with ThreadPoolExecutor(THREADS) as pool:
            posting: list[Future[None]] = [pool.submit(go_on, itertools.cycle(channels)) for _ in range(THREADS)]
            try:
                faults()
            finally:
                over.set()
            for one in posting:
                one.result()

    def wait_for_accepted(self, count: int) -> None:
        """Wait until so many were accepted."""
        until(lambda: len(self.accepted) >= count, f"{count} messages accepted", seconds=POSTING_SECONDS)

    def status(self, notification_id: str) -> str:
        """What the API says of a message."""
        answer = self._http.get(f"{self._url}/v2/notifications/{notification_id}", headers=self._headers())
        answer.raise_for_status()
        return str(answer.json()["status"])

    def check_delivered_once(self, since: str) -> None:
        """Every accepted message arrives once and is delivered in the end; of the others none came twice."""
        until_none(lambda: len(set(self.accepted) - set(self._arrived(since))), "everything accepted arrives", pause=LISTING_SECONDS)
        waiting = set(self.accepted.values())

        def unfinished() -> int:
            waiting.difference_update([one for one in waiting if self.status(one) in DONE])
            return len(waiting)

        until_none(unfinished, "everything accepted is delivered", pause=LISTING_SECONDS)
        arrived = self._arrived(since)
        assert {reference: count for reference, count in arrived.items() if count != 1} == {}
        assert set(self.accepted) <= set(arrived) <= self.tried

    def _insist(self, channel: str) -> None:
        assert wait_until(lambda: self.post(channel) is not None, POSTING_SECONDS, pause_seconds=0.2), f"not accepted: {self.lost}"

    def _lose(self, how: str) -> None:
        with self._lock:
            self.lost[how] += 1

    def _arrived(self, since: str) -> Counter[str]:
        bodies = [message["body"] for channel in TO for message in self.suite.messages(channel, since)]
        return Counter(_reference_in(body) for body in bodies if f"<{self.name}-" in body)

    def _headers(self) -> dict[str, str]:
        service_id = self._key[-2 * UUID_CHARACTERS - 1 : -UUID_CHARACTERS - 1]
        token = create_jwt_token(self._key[-UUID_CHARACTERS:], service_id)  # type: ignore[no-untyped-call] # published without types
        return {"Authorization": f"Bearer {token}"}


def _reference_in(body: str) -> str:
    return body.partition("<")[2].partition(">")[0]
