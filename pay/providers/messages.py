"""Messages to payers, through notify's public API.  Spec: notify-api §4, requirements PA-7."""

from dataclasses import dataclass, field
from typing import Protocol

import structlog

from shared.clock import Clock
from shared.http import Outbound
from shared.notify_client import NotifyAway, NotifyClient, NotifyRefused
from shared.settings import Secret

log = structlog.get_logger("andamio.pay.messages")


class MessageAway(Exception):
    """The message was not taken; the job tries again."""


@dataclass(frozen=True)
class Email:
    """One message; `reference` names what it is about, and says nothing of who gets it."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    body: str = field(repr=False)
    reference: str


class MessageSender(Protocol):
    """What carries messages to payers."""

    tells: bool
    """False where nobody is told, so that nothing need be queued."""

    def send(self, email: Email) -> None:
        """Have an e-mail sent; twice the same reference sends one.  Raises: MessageAway."""
        ...


class NoMessages:
    """An installation without notify: the pages say all."""

    tells = False

    def send(self, email: Email) -> None:
        """Send nothing."""
        del email


class NotifyMessages:
    """Sends by one e-mail template with the places `subject` and `body`; `api_key` is `name-service id-secret`."""

    tells = True

    def __init__(self, http: Outbound, clock: Clock, *, url: str, api_key: Secret, template: str) -> None:
        self._client, self._template = NotifyClient(http, clock, url=url, api_key=api_key), template

    def send(self, email: Email) -> None:
        """Have an e-mail sent.  Raises: MessageAway."""
        values = {"subject": email.subject, "body": email.body}
        document = {
            "email_address": email.to,
            "template_id": self._template,
            "personalisation": values,
            "reference": email.reference,
        }
        try:
            self._client.send("email", document, idempotency_key=email.reference)
        except NotifyAway as away:
            raise MessageAway(str(away)) from None
        except NotifyRefused as refusal:  # never again: it would be refused as often as it is sent
            log.warning("a message was refused", reference=email.reference, fault=str(refusal))
