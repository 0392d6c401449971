"""One-click unsubscribe: the link, what it does, and what services learn of it.  Spec: notify-api §8; RFC 8058.

The link holds, encrypted, whom it is for: the message itself is long gone when a link a year old is used.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.errors import UnsubscribeLinkNotValid
from notify.events import Event
from notify.models.base import scope_of
from notify.models.messages import Message
from notify.models.team import Member
from notify.models.unsubscribe_request import UnsubscribeRequest
from shared.crypto import CannotDecrypt

LINK_AGE_MAX = timedelta(days=365)
PROCESSED_KEPT = timedelta(days=7)
UNPROCESSED_KEPT = timedelta(days=90)
PAGE_SIZE = 250
SCOPE = "unsubscribe-links"


@dataclass(frozen=True)
class Asked:
    """One person's wish, as a service reads it."""

    id: uuid.UUID
    notification_id: uuid.UUID
    template_id: uuid.UUID
    email_address: str = field(repr=False)
    requested_at: datetime


def unsubscribe_link(notify: Notify, message: Message) -> str:
    """Give the link of one message."""
    about = {
        "notification": str(message.id),
        "service": str(message.service_id),
        "template": str(message.template_id),
        "to": message.to,
        "made": int(notify.clock.now().timestamp()),
    }
    token = base64.urlsafe_b64encode(notify.cipher.encrypt(json.dumps(about), scope=SCOPE)).rstrip(b"=").decode()
    return f"{notify.settings.public_url}/unsubscribe/{message.id}/{token}"


def check_link(notify: Notify, notification_id: uuid.UUID, token: str) -> dict[str, str]:
    """Give what a link says.  Raises: UnsubscribeLinkNotValid."""
    try:
        sealed = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        about = json.loads(notify.cipher.decrypt(sealed, scope=SCOPE))
    except (UnicodeEncodeError, binascii.Error, CannotDecrypt, UnicodeDecodeError, ValueError):
        raise UnsubscribeLinkNotValid("This is not a valid unsubscribe link.") from None
    age = notify.clock.now().timestamp() - int(about["made"])
    if about["notification"] != str(notification_id) or age > LINK_AGE_MAX.total_seconds():
        raise UnsubscribeLinkNotValid("This unsubscribe link is invalid or expired.")
    return {name: str(value) for name, value in about.items()}


def unsubscribe(notify: Notify, notification_id: uuid.UUID, token: str) -> bool:
    """Note the wish; a second time changes nothing until the service has seen the first.  Raises: UnsubscribeLinkNotValid."""
    about = check_link(notify, notification_id, token)
    service_id = uuid.UUID(about["service"])
    row = {
        "id": notify.ids.uuid7(),
        "notification_id": notification_id,
        "service_id": service_id,
        "template_id": uuid.UUID(about["template"]),
        "recipient_sealed": notify.cipher.encrypt(about["to"], scope=scope_of(service_id)),
        "requested_at": notify.clock.now(),
    }
    with notify.transaction() as tx:
        is_new = tx.connection.execute(insert(UnsubscribeRequest).values(row).on_conflict_do_nothing()).rowcount
        if is_new:
            tx.record(Event.UNSUBSCRIBED, actor="citizen:link", object_id=str(notification_id), data={"template": about["template"]})
    return bool(is_new)


def list_requests(notify: Notify, service_id: uuid.UUID) -> list[Asked]:
    """Give the oldest wishes that a service has not yet marked as processed."""
    table = UnsubscribeRequest
    wanted = select(table.__table__).where(table.service_id == service_id, table.processed_at.is_(None))
    with notify.reading() as tx:
        rows = tx.connection.execute(wanted.order_by(table.requested_at, table.id).limit(PAGE_SIZE)).all()
    scope = scope_of(service_id)
    return [
        Asked(row.id, row.notification_id, row.template_id, notify.cipher.decrypt(row.recipient_sealed, scope=scope), row.requested_at)
        for row in rows
    ]


def read_requests(notify: Notify, member: Member, service_id: uuid.UUID) -> list[Asked]:
    """Give the same to a person of the team, and note who looked."""
    found = list_requests(notify, service_id)
    if found:
        with notify.transaction() as tx:
            tx.record(Event.UNSUBSCRIBES_VIEWED, actor=member.actor, object_id=str(service_id), channel="console")
    return found


def mark_processed(notify: Notify, service_id: uuid.UUID, ids: Collection[uuid.UUID], *, actor: str) -> int:
    """Note that a service has dealt with wishes; give how many."""
    table = UnsubscribeRequest
    own = (table.service_id == service_id) & table.id.in_(ids) & table.processed_at.is_(None)
    with notify.transaction() as tx:
        count = tx.connection.execute(update(table).where(own).values(processed_at=notify.clock.now())).rowcount
        if count:
            tx.record(Event.UNSUBSCRIBES_PROCESSED, actor=actor, object_id=str(service_id), data={"count": count})
    return count


def forget_requests(notify: Notify) -> int:
    """Delete wishes that were processed a week ago, or that nobody looked at for ninety days."""
    table, now = UnsubscribeRequest, notify.clock.now()
    old = or_(table.processed_at < now - PROCESSED_KEPT, table.requested_at < now - UNPROCESSED_KEPT)
    with notify.transaction() as tx:
        return tx.forget(delete(table).where(old))
