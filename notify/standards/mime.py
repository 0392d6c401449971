"""An email as it goes over SMTP: multipart/alternative, headers that cannot be injected.  Spec: notify-api §8, §14; RFC 5322, RFC 8058."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Attachment:
    """A file within an email."""

    filename: str = field(repr=False)
    mimetype: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Mail:
    """What an email says and to whom; `reference` is the notification's id and makes the Message-ID.

    `bounce_address` is the envelope's sender, where it is another than `from_address`.
    """

    reference: str
    to: str
    from_name: str
    from_address: str
    subject: str
    plain_text: str
    html: str
    reply_to: str | None = None
    unsubscribe_url: str | None = None
    bounce_address: str = ""
    sent_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()


def one_line(text: str) -> str:
    """Make a header's value one line without control characters."""
    return _CONTROL.sub(" ", text).strip()


def ascii_address(address: str) -> str:
    """Write an address with its host in IDNA form, as SMTP without SMTPUTF8 needs."""
    local, _, host = address.rpartition("@")
    return f"{local}@{host.encode('idna').decode('ascii')}"


def message(mail: Mail) -> EmailMessage:
    """Build the message; the same notification always has the same Message-ID, so that a receiver can drop a repeat."""
    built = EmailMessage(policy=SMTP)
    built["From"] = Address(one_line(mail.from_name), addr_spec=ascii_address(mail.from_address))
    built["To"] = Address(addr_spec=ascii_address(mail.to))
    built["Subject"] = one_line(mail.subject)
    built["Message-ID"] = f"<{mail.reference}@{mail.from_address.rpartition('@')[2]}>"
    if mail.sent_at:
        built["Date"] = mail.sent_at
    built["X-Notification-Id"] = mail.reference
    built["Auto-Submitted"] = "auto-generated"
    if mail.reply_to:
        built["Reply-To"] = Address(addr_spec=ascii_address(mail.reply_to))
    if mail.unsubscribe_url:
        built["List-Unsubscribe"] = f"<{one_line(mail.unsubscribe_url)}>"
        built["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    built.set_content(mail.plain_text)
    built.add_alternative(mail.html, subtype="html")
    for attachment in mail.attachments:
        maintype, _, subtype = attachment.mimetype.partition("/")
        built.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=one_line(attachment.filename))
    return built
