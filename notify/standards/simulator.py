"""Recipients with a meaning of their own: smoke tests, and the outcomes of test keys.  Spec: notify-api §12."""

from notify.standards.statuses import Status

SMOKE = frozenset(
    {
        "447700900000",
        "447700900111",
        "447700900222",
        "simulate-delivered@notifications.service.gov.uk",
        "simulate-delivered-2@notifications.service.gov.uk",
        "simulate-delivered-3@notifications.service.gov.uk",
    }
)
_OUTCOMES = {
    "447700900003": Status.TEMPORARY_FAILURE,
    "temp-fail@simulator.notify": Status.TEMPORARY_FAILURE,
    "447700900002": Status.PERMANENT_FAILURE,
    "perm-fail@simulator.notify": Status.PERMANENT_FAILURE,
}


def is_smoke(matched: str) -> bool:
    """Tell whether a recipient (in matched form) is answered like any other but never saved or sent to."""
    return matched in SMOKE


def outcome(matched: str) -> Status:
    """Give what becomes of a message that a test key sends to this recipient (in matched form)."""
    return _OUTCOMES.get(matched, Status.DELIVERED)
