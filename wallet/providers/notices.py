"""Messages to a person's mailbox, and mail to an authority, through notify's public API.  Spec: notify-api §2, §4."""

from dataclasses import dataclass, field
from typing import Protocol

import structlog

from shared.clock import Clock
from shared.crypto import sha256_hex
from shared.http import Outbound
from shared.notify_client import NotifyAway, NotifyClient, NotifyRefused
from shared.settings import Secret

log = structlog.get_logger("andamio.wallet.notices")


class NoticeAway(Exception):
    """The message was not taken; the job tries again."""


class NoticeRefused(Exception):
    """The message will never be taken as it is: a setting is wrong."""


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

    def mail(self, address: str, letter: Letter) -> None:
        """Send an e-mail, once for each reference and address.  Raises: NoticeAway, NoticeRefused."""
        ...


class NoNotices:
    """An installation without notify: the pages say all, and nobody is told."""

    def send(self, run: str, letter: Letter) -> None:
        """Send nothing."""
        del run, letter

    def mail(self, address: str, letter: Letter) -> None:
        """Refuse: who set an address wants to hear that nothing goes there.  Raises: NoticeRefused."""
        raise NoticeRefused("no key for notify is set")


class MemoryNotices:
    """Keeps what is sent, for development and tests."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Letter]] = []
        self.mailed: list[tuple[str, Letter]] = []
        self.is_away = False

    def send(self, run: str, letter: Letter) -> None:
        """Keep it.  Raises: NoticeAway when it is away."""
        if self.is_away:
            raise NoticeAway("away")
        self.sent.append((run, letter))

    def mail(self, address: str, letter: Letter) -> None:
        """Keep it.  Raises: NoticeAway when it is away."""
        if self.is_away:
            raise NoticeAway("away")
        self.mailed.append((address, letter))


class NotifyNotices:
    """Sends by a mailbox and an e-mail template with the places `subject` and `body`; `api_key` is `name-service id-secret`."""

    def __init__(self, http: Outbound, clock: Clock, *, url: str, api_key: Secret, template: str, email_template: str = "") -> None:
        self._client, self._template = NotifyClient(http, clock, url=url, api_key=api_key), template
        self._email_template = email_template

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

    def mail(self, address: str, letter: Letter) -> None:
        """Send an e-mail, once for each reference and address.  Raises: NoticeAway, NoticeRefused."""
        values = {"subject": letter.subject, "body": letter.body}
        document = {"email_address": address, "template_id": self._email_template, "personalisation": values, "reference": letter.reference}
        try:
            self._client.send("email", document, idempotency_key=f"{letter.reference}-{sha256_hex(address)[:16]}")
        except NotifyAway as away:
            raise NoticeAway(str(away)) from None
        except NotifyRefused as refusal:
            raise NoticeRefused(str(refusal)) from None
