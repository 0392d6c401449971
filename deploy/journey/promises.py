"""What a step holds an answer against."""

import json

from deploy.journey.report import JourneyFault
from deploy.sandbox.clients import Answer


def promise(kept: object, otherwise: str) -> None:
    """Raises: JourneyFault with the sentence `otherwise` where a promise is not kept."""
    if not kept:
        raise JourneyFault(otherwise)


def check_status(answer: Answer, expected: int, who: str) -> None:
    """Raises: JourneyFault with what was said, where an answer has another status."""
    if answer.status != expected:
        said = answer.body.get("detail") or answer.body.get("title") or answer.body.get("description") or ""
        raise JourneyFault(f"{who} answered {answer.status} {answer.code} {said}".rstrip())


def is_of(message: object, notification_id: str, payment_id: str) -> bool:
    """Whether an arrived message is this notification: its number or that of the payment stands somewhere in it."""
    text = json.dumps(message, ensure_ascii=False)
    return notification_id in text or payment_id in text
