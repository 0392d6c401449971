"""Messages to a person's mailbox, through notify's public API.  Spec: notify-api §2, §4."""

from dataclasses import dataclass, field
from typing import Protocol

from joserfc import jwt
from joserfc.jwk import OctKey

from shared.clock import Clock
from shared.http import Outbound, OutboundError
from shared.settings import Secret

UUID_LENGTH = 36
TIMEOUT_SECONDS = 5


class NoticeAway(Exception):
    """The message was not taken; the job tries again."""


@dataclass(frozen=True)
class Letter:
    """One message; `reference` names what it is about, and says nothing."""

    subject: str = field(repr=False)
    body: str = field(repr=False)
    reference: str


class NoticeSender(Protocol):
    """What carries messages to people."""

    def send(self, run: str, letter: Letter) -> None:
        """Put a message in a person's mailbox.  Raises: NoticeAway."""
        ...


class NoNotices:
    """An installation without notify: the pages say all, and nobody is told."""

    def send(self, run: str, letter: Letter) -> None:
        """Send nothing."""
        del run, letter


class MemoryNotices:
    """Keeps what is sent, for development and tests."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Letter]] = []
        self.is_away = False

    def send(self, run: str, letter: Letter) -> None:
        """Keep it.  Raises: NoticeAway when it is away."""
        if self.is_away:
            raise NoticeAway("away")
        self.sent.append((run, letter))


class NotifyNotices:
    """Sends by one mailbox template with the places `subject` and `body`; `api_key` is `name-service id-secret`."""

    def __init__(self, http: Outbound, clock: Clock, *, url: str, api_key: Secret, template: str) -> None:
        self._http, self._clock, self._url, self._template = http, clock, url, template
        key = api_key.reveal()
        self._service_id, self._secret = key[-2 * UUID_LENGTH - 1 : -UUID_LENGTH - 1], key[-UUID_LENGTH:]

    def send(self, run: str, letter: Letter) -> None:
        """Put a message in a person's mailbox.  Raises: NoticeAway."""
        document = {
            "recipient": run,
            "template_id": self._template,
            "personalisation": {"subject": letter.subject, "body": letter.body},
            "reference": letter.reference,
        }
        claims = {"iss": self._service_id, "iat": int(self._clock.now().timestamp())}
        token = jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(self._secret), algorithms=["HS256"])
        try:
            reply = self._http.request(
                "POST",
                f"{self._url}/v2/notifications/mailbox",
                json=document,
                headers={"Authorization": "Bearer " + token},
                timeout_seconds=TIMEOUT_SECONDS,
            )
        except OutboundError as error:
            raise NoticeAway(type(error).__name__) from None
        if reply.status != 201:
            raise NoticeAway(f"notify answered {reply.status}")
