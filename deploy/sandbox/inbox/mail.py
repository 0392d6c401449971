"""The mail server of the outside world: real SMTP in, parsed MIME kept.

Some addresses answer as unlucky mail boxes do, so that a sender's handling can be seen:

    bounce@…      550 no such mail box                    full@…       452 mail box full, try later
    greylist@…    451 the first time, then taken          later@…      451 every time

SMTP knows no idempotency key: a sender that dies between our 250 and its own note sends the same mail again.  So, as many mail
stores do, a second mail with the Message-ID of an earlier one to the same recipient is taken and not kept twice.
"""

from __future__ import annotations

import html
import re
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.sandbox.inbox.messages import Arrival, Attachment, Channel, Messages

SIZE_MAX_BYTES = 20 * 1024 * 1024
_TAG = re.compile(r"<[^>]+>")


def parse_mail(raw: bytes, *, to: str, sender: str) -> Arrival:
    """A mail taken apart: its text, its HTML, its attachments and its headers."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)  # noqa: S101 - the policy makes it one; this tells the type checker
    text, markup = mail.get_body(("plain",)), mail.get_body(("html",))
    html_text = _content(markup)
    message_id = str(mail.get("Message-ID", "")).strip()
    return Arrival(
        channel=Channel.EMAIL,
        to=to,
        sender=str(mail.get("From", sender)),
        subject=str(mail.get("Subject", "")),
        body=_content(text) or html.unescape(_TAG.sub(" ", html_text)),
        html=html_text,
        headers=_headers(mail),
        attachments=tuple(_attachment(part) for part in mail.iter_attachments()),
        key=f"{message_id} {to.casefold()}" if message_id else "",
    )


def _content(part: MIMEPart | None) -> str:
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


def _headers(mail: EmailMessage) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in mail.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else str(value)
    return headers


def _attachment(part: MIMEPart) -> Attachment:
    payload = part.get_payload(decode=True)
    return Attachment(
        filename=part.get_filename() or "attachment",
        content_type=part.get_content_type(),
        content=payload if isinstance(payload, bytes) else b"",
    )


class Handler:
    """What the SMTP server asks for each recipient and each message."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._seen: set[str] = set()

    async def handle_RCPT(  # noqa: N802 - the name the SMTP library calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Take a recipient, or refuse as that mail box would."""
        refusal = self._refusal(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep a message, once for each of its recipients."""
        raw = envelope.content
        assert isinstance(raw, bytes)  # noqa: S101 - the server was not asked to decode; this tells the type checker
        kept = [self._messages.add(parse_mail(raw, to=to, sender=envelope.mail_from or "")) for to in envelope.rcpt_tos]
        return f"250 OK: kept as {kept[0].message_id}"

    def _refusal(self, address: str) -> str | None:
        local_part = address.partition("@")[0].partition("+")[0].casefold()
        if local_part == "bounce":
            return "550 5.1.1 No such mail box here"
        if local_part == "full":
            return "452 4.2.2 Mail box full"
        if local_part == "later":
            return "451 4.3.0 Try again later"
        if local_part == "greylist" and address not in self._seen:
            self._seen.add(address)
            return "451 4.7.1 Greylisted, try again"
        return None


class MailServer:
    """SMTP on the loopback interface, in a thread of its own."""

    def __init__(self, messages: Messages, *, host: str, port: int) -> None:
        self._controller = Controller(
            Handler(messages), hostname=host, port=port, data_size_limit=SIZE_MAX_BYTES, ident="sandbox mail", ready_timeout=30
        )

    def start(self) -> None:
        """Listen. Raises: OSError when the port is taken."""
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()
