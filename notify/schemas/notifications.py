"""How a notification is shown.  Spec: notify-api §5.1."""

import uuid
from functools import lru_cache

from notify.models.messages import Message
from notify.operations.message_proof import MessageProof
from notify.operations.notifications import Shown
from notify.standards.personalisation import same_key
from notify.standards.statuses import COMPLETED, Channel, shown
from notify.standards.wire_time import wire_time

_LINES = {f"line_{n}": same_key(f"address_line_{n}") for n in range(1, 7)} | {"postcode": "postcode"}
_NO_ADDRESS: dict[str, object] = dict.fromkeys(_LINES)


def show(item: Shown, root: str) -> dict[str, object]:
    """Give one notification; `root` is the address of the API without a slash at the end."""
    message, template = item.message, item.template
    channel = message.channel
    body: dict[str, object] = {
        "id": str(message.id),
        "reference": message.reference,
        "email_address": message.to if channel == Channel.EMAIL else None,
        "phone_number": message.to if channel == Channel.SMS else None,
        **(_address(message) if channel == Channel.LETTER else _NO_ADDRESS),
        "type": channel,
        "status": shown(channel, message.status),
        "template": _template(template.id, template.version, root),
        "body": item.content.body,
        "subject": item.content.subject,
        "created_at": wire_time(message.created_at),
        "created_by_name": None,
        "sent_at": wire_time(message.sent_at),
        "completed_at": wire_time(message.updated_at) if message.status in COMPLETED else None,
        "scheduled_for": wire_time(message.scheduled_for),
        "postage": message.postage,
        "one_click_unsubscribe_url": message.unsubscribe_url,
        "cost_details": item.cost.details,
        "cost_in_pounds": item.cost.pounds,
        "is_cost_data_ready": item.cost.is_ready,
        "cost": None if item.cost.amount is None else {"amount": f"{item.cost.amount.normalize():f}", "currency": item.cost.currency},
    }
    if channel == Channel.MAILBOX:
        body["recipient"] = message.to
    if message.reason:
        body["validation_error"] = message.reason
    if item.estimated_delivery:
        body["estimated_delivery"] = wire_time(item.estimated_delivery)
    return body


@lru_cache(maxsize=1024)
def _template(template_id: uuid.UUID, version: int, root: str) -> dict[str, object]:
    return {"id": str(template_id), "version": version, "uri": f"{root}/v2/template/{template_id}/version/{version}"}


def _address(message: Message) -> dict[str, object]:
    by_key = {same_key(key): value for key, value in message.values.items()}
    return {line: by_key.get(key) for line, key in _LINES.items()}


def show_proof(proof: MessageProof, root: str) -> dict[str, object]:
    """Give the proof of one message."""
    return {
        "made_at": wire_time(proof.made_at),
        "message": show(proof.shown, root),
        "content_sha256": proof.content_sha256,
        "provider": proof.provider,
        "provider_reference": proof.provider_reference,
        "log": {"verifier_key": proof.log_key, "complete": proof.complete, "entries": proof.entries},
    }
