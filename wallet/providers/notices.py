"""Messages to a person's mailbox, through notify's public API.  Spec: notify-api §2, §4."""

from dataclasses import dataclass, field
from typing import Protocol

import structlog

from shared.clock import Clock
from shared.http import Outbound
from shared.notify_client import NotifyAway, NotifyClient, NotifyRefused
from shared.settings import Secret

log = structlog.get_logger("andamio.wallet.notices")


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
        self._client, self._template = NotifyClient(http, clock, url=url, api_key=api_key), template

    def send(self, run: str, letter: Letter) -> None:
        """Put a message in a person's mailbox.  Raises: NoticeAway."""
        values = {"subject": letter.subject, "body": letter.body}
        document = {"recipient": run, "template_id": self._template, "personalisation": values, "reference": letter.reference}
        try:
            self._client.send("mailbox", document)
        except NotifyAway as away:
            raise NoticeAway(str(away)) from None
        except NotifyRefused as refusal:  # never again: it would be refused as often as it is sent
            log.warning("a message was refused", reference=letter.reference, fault=str(refusal))
