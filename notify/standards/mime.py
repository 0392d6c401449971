"""An email as it goes over SMTP: multipart/alternative, headers that cannot be injected.  Spec: notify-api §8, §14; RFC 5322, RFC 8058."""

import re
from binascii import b2a_qp
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.encoders import encode_base64
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime, formataddr

from notify.standards.return_token import HEADER as RETURN_HEADER

# The older, plain policy: the one that parses each header it is given takes four times as long.
_POLICY = compat32.clone(linesep="\r\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Attachment:
    """A file within an email."""

    filename: str = field(repr=False)
    mimetype: str
    content: bytes = field(repr=False)


def no_token(_relay: str) -> str:
    """Expect no report."""
    return ""


@dataclass(frozen=True)
class Mail:
    """What an email says and to whom; `reference` is the notification's id and makes the Message-ID.

    `bounce_address` is the envelope's sender, where it is another than `from_address`; `return_token` gives each relay its own token, by
    which reports prove that it had the message.
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
    return_token: Callable[[str], str] = no_token
    sent_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()


def one_line(text: str) -> str:
    """Make a header's value one line without control characters."""
    return _CONTROL.sub(" ", text).strip()


def ascii_address(address: str) -> str:
    """Write an address with its host in IDNA form, as SMTP without SMTPUTF8 needs."""
    local, _, host = address.rpartition("@")
    return f"{local}@{host.encode('idna').decode('ascii')}"


def message(mail: Mail, return_token: str = "") -> Message:
    """Build the message; the same notification always has the same Message-ID, so that a receiver can drop a repeat."""
    built = _multipart("alternative", _text(mail.plain_text, "plain"), _text(mail.html, "html"))
    if mail.attachments:
        built = _multipart("mixed", built, *(_file(each) for each in mail.attachments))
    built["MIME-Version"] = "1.0"
    built["From"] = formataddr((one_line(mail.from_name), ascii_address(mail.from_address)), charset="utf-8")
    built["To"] = ascii_address(mail.to)
    built["Subject"] = _words(one_line(mail.subject), "Subject")
    built["Message-ID"] = f"<{mail.reference}@{mail.from_address.rpartition('@')[2]}>"
    if mail.sent_at:
        built["Date"] = format_datetime(mail.sent_at)
    built["X-Notification-Id"] = mail.reference
    if return_token:
        built[RETURN_HEADER] = return_token
    built["Auto-Submitted"] = "auto-generated"
    if mail.reply_to:
        built["Reply-To"] = ascii_address(mail.reply_to)
    if mail.unsubscribe_url:
        built["List-Unsubscribe"] = f"<{one_line(mail.unsubscribe_url)}>"
        built["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return built


def _words(text: str, name: str) -> str:
    """Write a header's text, encoded where it is not ASCII.  Spec: RFC 2047."""
    return text if text.isascii() else Header(text, "utf-8", header_name=name).encode()


def _multipart(subtype: str, *parts: Message) -> Message:
    built = Message(_POLICY)
    built["Content-Type"] = f"multipart/{subtype}"
    for part in parts:
        built.attach(part)
    return built


def _text(text: str, subtype: str) -> Message:
    """Give a text as seven-bit lines of at most 76 characters, which no relay has to change."""
    part = Message(_POLICY)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(b2a_qp(text.encode(), istext=True).decode("ascii"))
    return part


def _file(attachment: Attachment) -> Message:
    part = Message(_POLICY)
    part["Content-Type"] = attachment.mimetype
    part.add_header("Content-Disposition", "attachment", filename=_filename(attachment.filename))
    part.set_payload(attachment.content)
    encode_base64(part)
    return part


def _filename(name: str) -> str | tuple[str, str, str]:
    """Give a name as a header's parameter takes it.  Spec: RFC 2231."""
    line = one_line(name)
    return line if line.isascii() else ("utf-8", "", line)
