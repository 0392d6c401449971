"""Statuses: what is stored, what is shown, what a query for one of them means, what a receipt says.  Spec: notify-api §5, §10, §19."""

from enum import StrEnum
from types import MappingProxyType


class Channel(StrEnum):
    """How a message reaches a person; `mailbox` is ours, the others are the contract's."""

    EMAIL = "email"
    SMS = "sms"
    LETTER = "letter"
    MAILBOX = "mailbox"


class Status(StrEnum):
    """Where a message stands."""

    CREATED = "created"
    SENDING = "sending"
    SENT = "sent"
    PENDING = "pending"
    DELIVERED = "delivered"
    TECHNICAL_FAILURE = "technical-failure"
    TEMPORARY_FAILURE = "temporary-failure"
    PERMANENT_FAILURE = "permanent-failure"
    CANCELLED = "cancelled"
    PENDING_VIRUS_CHECK = "pending-virus-check"
    VALIDATION_FAILED = "validation-failed"
    VIRUS_SCAN_FAILED = "virus-scan-failed"
    RETURNED_LETTER = "returned-letter"


# A receipt is honoured only while a message is here; later ones are counted and dropped.
AWAITING_RECEIPT = frozenset({Status.CREATED, Status.SENDING, Status.PENDING, Status.SENT, Status.PENDING_VIRUS_CHECK})
COMPLETED = frozenset(
    {
        Status.SENT,
        Status.DELIVERED,
        Status.TECHNICAL_FAILURE,
        Status.TEMPORARY_FAILURE,
        Status.PERMANENT_FAILURE,
        Status.RETURNED_LETTER,
        Status.CANCELLED,
        Status.VALIDATION_FAILED,
    }
)
# Letters that never went to print cost nothing.
NEVER_PRINTED = frozenset({Status.CANCELLED, Status.TECHNICAL_FAILURE, Status.VALIDATION_FAILED, Status.VIRUS_SCAN_FAILED})
QUERIED = (
    "cancelled",
    "created",
    "sending",
    "sent",
    "delivered",
    "pending",
    "failed",
    "technical-failure",
    "temporary-failure",
    "permanent-failure",
    "pending-virus-check",
    "validation-failed",
    "virus-scan-failed",
    "returned-letter",
    "accepted",
    "received",
)
_EXPANDED = MappingProxyType(
    {
        "failed": (
            Status.TECHNICAL_FAILURE,
            Status.TEMPORARY_FAILURE,
            Status.PERMANENT_FAILURE,
            Status.VALIDATION_FAILED,
            Status.VIRUS_SCAN_FAILED,
            Status.RETURNED_LETTER,
        ),
        "accepted": (Status.CREATED, Status.SENDING),
        "received": (Status.DELIVERED,),
    }
)
_LETTER_SHOWN = MappingProxyType(
    {Status.CREATED: "accepted", Status.SENDING: "accepted", Status.DELIVERED: "received", Status.RETURNED_LETTER: "received"}
)
_SMS_RECEIPTS = MappingProxyType(
    {
        "delivered": Status.DELIVERED,
        "pending": Status.PENDING,
        "temporary-failure": Status.TEMPORARY_FAILURE,
        "permanent-failure": Status.PERMANENT_FAILURE,
        "technical-failure": Status.TECHNICAL_FAILURE,
    }
)


def shown(channel: str, status: str) -> str:
    """Give the word a caller reads for a stored status."""
    return _LETTER_SHOWN.get(Status(status), status) if channel == Channel.LETTER else status


def queried(word: str) -> tuple[Status, ...]:
    """Give the stored statuses a caller means by a word of QUERIED."""
    return _EXPANDED.get(word) or (Status(word),)


def from_receipt(word: str, current: Status) -> Status:
    """Give the status a provider's word leads to; a word nobody knows is a technical failure."""
    status = _SMS_RECEIPTS.get(word.strip().lower(), Status.TECHNICAL_FAILURE)
    # §10: a message declined after the network had it pending may work another day.
    return Status.TEMPORARY_FAILURE if status is Status.PERMANENT_FAILURE and current is Status.PENDING else status
