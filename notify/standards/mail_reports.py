"""What mail systems report back: delivery status notifications and complaints.  Spec: RFC 3464, RFC 6522, RFC 5965, RFC 3463.

Reports come from strangers, so all is bounded: bytes, parts, recipients; what does not fit is no report.
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import policy
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.parser import BytesParser
from enum import StrEnum

from notify.standards.return_token import HEADER as RETURN_HEADER
from notify.standards.return_token import ReturnToken, find_token

BYTES_MAX = 512 * 1024
BOUNDARIES_MAX = 20
RECIPIENTS_MAX = 50
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_ABOUT_THE_ADDRESS = re.compile(r"5\.(?:1\.(?:0|1|2|3|6|10)|2\.1|4\.4)")


class NotAReport(ValueError):
    """The message reports nothing that we can read."""


class Kind(StrEnum):
    """What a report says."""

    DELIVERED = "delivered"
    FAILED = "failed"
    COMPLAINT = "complaint"


@dataclass(frozen=True)
class MailReport:
    """One report of one message; `status` is the enhanced status code, `address` whom it concerns, lower-cased.

    `token` is what the message carried to prove which relay had it, None where nothing of it came back.
    """

    notification_id: uuid.UUID
    kind: Kind
    status: str = ""
    address: str = ""
    token: ReturnToken | None = None

    @property
    def is_permanent(self) -> bool:
        """True when trying again would change nothing."""
        return self.status.startswith("5")

    @property
    def is_about_the_address(self) -> bool:
        """True when nobody has this address: it is not written to again."""
        return bool(_ABOUT_THE_ADDRESS.fullmatch(self.status))


def read_mail_reports(raw: bytes) -> list[MailReport]:
    """Read what a message reports; one that only tells of a delay gives an empty list.  Raises: NotAReport."""
    if len(raw) > BYTES_MAX or raw.lower().count(b"boundary") > BOUNDARIES_MAX:
        raise NotAReport("too large or too deep")
    try:
        message = BytesParser(policy=policy.default).parsebytes(raw)
        parts = list(_parts(message))
        kind = str(message.get_param("report-type") or "").lower()
        if message.get_content_type() != "multipart/report" or kind not in {"delivery-status", "feedback-report"}:
            raise NotAReport("not a report")
        token = _token_of(message, parts)
        notification_id = token.notification_id if token else _message_of(message, parts)
        found = [_complaint(parts, notification_id)] if kind == "feedback-report" else _statuses(parts, notification_id)
        return [replace(report, token=token) for report in found]
    except (MessageError, RecursionError, LookupError, UnicodeError, AttributeError, TypeError) as fault:
        # The parser of the standard library answers some broken messages with these.
        raise NotAReport(type(fault).__name__) from None


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number > BOUNDARIES_MAX * 4:
            raise NotAReport("too many parts")
        yield part


def _token_of(message: EmailMessage, parts: list[Message]) -> ReturnToken | None:
    """Find the token of the message that is meant: in the address the report came to, else in what it says of the message."""
    said = (str(message.get("To", "")), _sent_from(parts), *_returned(parts, RETURN_HEADER, "Return-Path"))
    return next((found for text in said if (found := find_token(text))), None)


def _message_of(message: EmailMessage, parts: list[Message]) -> uuid.UUID:
    """Find which message is meant where no token says so, as in reports about what the release before sent."""
    for text in (str(message.get("To", "")), *_returned(parts, "X-Notification-Id", "Message-ID")):
        if found := _UUID.search(text):
            return uuid.UUID(found[0])
    raise NotAReport("about no message of ours")


def _returned(parts: list[Message], *names: str) -> Iterator[str]:
    """Give headers of the message that a report gives back, or all of them where they came as a text."""
    for part in parts:
        if part.get_content_type() == "message/rfc822" and isinstance(part.get_payload(), list):
            returned = part.get_payload(0)
            if isinstance(returned, Message):
                yield from (str(returned.get(name, "")) for name in names)
        elif part.get_content_type() == "text/rfc822-headers":
            headers = str(part.get_payload())
            yield from (_field(headers, name) for name in names)


def _sent_from(parts: list[Message]) -> str:
    """Give the envelope's sender as a complaint names it.  Spec: RFC 5965 §3.2."""
    return str(_feedback(parts, "Original-Mail-From") or "")


def _statuses(parts: list[Message], notification_id: uuid.UUID) -> list[MailReport]:
    blocks = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    fields = blocks[0].get_payload() if blocks else []
    if not isinstance(fields, list) or not 0 < len(fields) <= RECIPIENTS_MAX:
        raise NotAReport("no status, or too many")
    found = []
    for block in fields:
        if not isinstance(block, Message):
            raise NotAReport("no fields")
        action, status = str(block.get("Action", "")).strip().lower(), _STATUS.search(str(block.get("Status", "")))
        address = str(block.get("Original-Recipient") or block.get("Final-Recipient") or "").partition(";")[2].strip().lower()
        if action in {"delivered", "relayed", "expanded"}:
            found.append(MailReport(notification_id, Kind.DELIVERED, status[0] if status else "2.0.0", address))
        elif action == "failed":
            found.append(MailReport(notification_id, Kind.FAILED, status[0] if status else "5.0.0", address))
    return found


def _complaint(parts: list[Message], notification_id: uuid.UUID) -> MailReport:
    if str(_feedback(parts, "Feedback-Type") or "").strip().lower() not in {"abuse", "fraud", "opt-out", "other"}:
        raise NotAReport("a feedback that is no complaint")
    return MailReport(notification_id, Kind.COMPLAINT)


def _feedback(parts: list[Message], name: str) -> object:
    """Give a field of what a complaint says for machines, None or empty where it has none."""
    blocks = [part for part in parts if part.get_content_type() == "message/feedback-report"]
    payload = blocks[0].get_payload() if blocks else None
    fields = payload[0] if isinstance(payload, list) and payload else payload
    return fields.get(name) if isinstance(fields, Message) else _field(str(fields or ""), name)


def _field(text: str, name: str) -> str:
    found = re.search(rf"^{name}:[ \t]*(?:\r?\n[ \t]+)?(\S{{1,300}})", text, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else ""
