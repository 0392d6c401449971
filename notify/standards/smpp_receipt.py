"""What an SMSC says became of a text.  Spec: SMPP 3.4 §5.2.28 (message_state), appendix B (receipt text)."""

import re
from types import MappingProxyType

from notify.standards.statuses import Status

_STATES = MappingProxyType(
    {
        "DELIVRD": Status.DELIVERED,
        "EXPIRED": Status.TEMPORARY_FAILURE,
        "DELETED": Status.PERMANENT_FAILURE,
        "UNDELIV": Status.PERMANENT_FAILURE,
        "REJECTD": Status.PERMANENT_FAILURE,
        "UNKNOWN": Status.TEMPORARY_FAILURE,
        "ACCEPTD": Status.PENDING,
        "ENROUTE": Status.PENDING,
    }
)
_NUMBERS = MappingProxyType(
    {1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD"}
)
_TEXT = re.compile(rb"\bid:([!-~]{1,65})\b.{0,120}?\bstat:([A-Za-z]{1,10})", re.DOTALL)
FINAL = frozenset({Status.DELIVERED, Status.TEMPORARY_FAILURE, Status.PERMANENT_FAILURE})


def read_receipt(short_message: bytes, *, message_id: str = "", state: int | None = None) -> tuple[str, Status] | None:
    """Give the SMSC's id of a text and its status; the optional parameters win over the text.  None for what is no receipt."""
    found = _TEXT.search(short_message[:255])
    identifier = message_id or (found[1].decode() if found else "")
    word = _NUMBERS.get(state or 0) or (found[2].decode().upper() if found else "")
    return (identifier, _STATES[word]) if identifier and word in _STATES else None
