"""What identity tells people, through notify.  Spec: notify-api §4."""

import structlog

from identity.providers.base import SenderAway
from shared.clock import Clock
from shared.http import Outbound
from shared.notify_client import NotifyAway, NotifyClient, NotifyRefused
from shared.settings import Secret

log = structlog.get_logger("andamio.identity.notices")


class NotifySender:
    """Sends by two templates, each with the places `subject` and `body`; `api_key` is `name-service id-secret`."""

    def __init__(self, http: Outbound, clock: Clock, *, url: str, api_key: Secret, email_template: str, sms_template: str) -> None:
        self._client = NotifyClient(http, clock, url=url, api_key=api_key)
        self._templates = {"email": email_template, "sms": sms_template}

    def send_email(self, to: str, subject: str, body: str, reference: str) -> None:
        """Have an email sent.  Raises: SenderAway."""
        self._send("email", {"email_address": to, "reference": reference}, {"subject": subject, "body": body})

    def send_sms(self, to: str, body: str, reference: str) -> None:
        """Have a text message sent.  Raises: SenderAway."""
        self._send("sms", {"phone_number": to, "reference": reference}, {"body": body})

    def _send(self, channel: str, body: dict[str, object], values: dict[str, str]) -> None:
        try:
            self._client.send(channel, {**body, "template_id": self._templates[channel], "personalisation": values})
        except NotifyAway as away:
            raise SenderAway(str(away)) from None
        except NotifyRefused as refusal:  # never again: it would be refused as often as it is sent
            log.warning("a message was refused", reference=str(body["reference"]), fault=str(refusal))
