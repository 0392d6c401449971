"""Tell a service what became of its messages.  Spec: notify-api §18."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import Row, select

from notify.context import Notify
from notify.models import messages
from notify.models.base import scope_of
from notify.models.callback import ServiceCallback
from notify.models.messages import Message
from notify.standards.statuses import COMPLETED, Channel, Status
from notify.standards.wire_time import wire_time
from shared.context import Transaction
from shared.http import OutboundError, OutboundRefused
from shared.tasks import RetryLater

log = structlog.get_logger("andamio.notify.callbacks")
DELIVERY_STATUS = "delivery_status"
TIMEOUT_SECONDS = 5
RETRY_SECONDS = 300
ATTEMPTS_MAX = 6
_TOO_MANY = 429


class Told(StrEnum):
    """What became of one call to a service."""

    TAKEN = "taken"
    REFUSED = "refused"
    NOBODY = "nobody"


def enqueue_callback(notify: Notify, tx: Transaction, row: Row[Any], status: Status) -> None:
    """Leave a call to the service in the outbox, if it wants to be told; never for letters."""
    service = notify.catalogue.find_service(row.service_id)
    if service and service.has_callback and row.channel != Channel.LETTER and status in COMPLETED | {Status.PENDING}:
        payload = {"notification_id": str(row.id), "status": status.value, "at": notify.clock.now().isoformat()}
        tx.enqueue("tell_service", payload)


def tell_service(notify: Notify, notification_id: uuid.UUID, status: Status, at: datetime) -> Told:
    """Make one call.  Raises: RetryLater when the service did not answer, or answered 5xx or 429."""
    with notify.reading() as tx:
        row = messages.find_row(tx.connection, notification_id)
        if row is None:
            return Told.NOBODY
        wanted = select(ServiceCallback.__table__).where(
            ServiceCallback.service_id == row.service_id, ServiceCallback.kind == DELIVERY_STATUS
        )
        callback = tx.connection.execute(wanted).one_or_none()
    if callback is None:
        return Told.NOBODY
    message = messages.open_row(row, notify.cipher)
    bearer = notify.cipher.decrypt(callback.bearer_sealed, scope=scope_of(row.service_id))
    try:
        reply = notify.http.request(
            "POST",
            callback.url,
            json=delivery_status(message, status, at),
            headers={"Authorization": f"Bearer {bearer}"},
            timeout_seconds=TIMEOUT_SECONDS,
        )
    except OutboundRefused:
        log.warning("callback address is not one we call", service=str(row.service_id))
        return Told.REFUSED
    except OutboundError as error:
        raise RetryLater(RETRY_SECONDS, type(error).__name__) from None
    if reply.status >= 500 or reply.status == _TOO_MANY:
        raise RetryLater(RETRY_SECONDS, f"answered {reply.status}")
    return Told.TAKEN if 200 <= reply.status < 300 else Told.REFUSED


def delivery_status(message: Message, status: Status, at: datetime) -> dict[str, object]:
    """Give the body of the call."""
    return {
        "id": str(message.id),
        "reference": message.reference,
        "to": message.to,
        "status": status.value,
        "created_at": wire_time(message.created_at),
        "completed_at": wire_time(at) if status in COMPLETED else None,
        "sent_at": wire_time(message.sent_at),
        "notification_type": message.channel,
        "template_id": str(message.template_id),
        "template_version": message.template_version,
    }
