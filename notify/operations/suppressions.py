"""The list of addresses that are not written to: filled by bounces and complaints, read before each e-mail, cleared by staff."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Connection, Row, Uuid, bindparam, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.events import Event
from notify.models.base import scope_of
from notify.models.notification import Notification
from notify.models.suppression import Reason, Suppression
from notify.models.team import Member
from notify.standards.email_address import matched_form
from notify.standards.statuses import Channel
from shared.problems import NotFound
from shared.transaction import Transaction
from shared.web import gettext_noop

LISTED_MAX = 100


@dataclass(frozen=True)
class Suppressed:
    """An address on the list; `detail` is the status code of a bounce."""

    address: str = field(repr=False)
    index: str
    reason: str
    detail: str
    created_at: datetime


# Made once: making a statement takes longer than running it.
_LISTED = (Suppression.service_id == Notification.service_id) & (Suppression.recipient_index == Notification.recipient_index)
_SUPPRESSED = select(Notification.id).join(Suppression, _LISTED).where(Notification.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))


def suppressed_among(connection: Connection, rows: Sequence[Row[Any]]) -> set[uuid.UUID]:
    """Give the ids of those emails whose service does not write to their address any more."""
    emails = [row.id for row in rows if row.channel == Channel.EMAIL]
    if not emails:
        return set()
    return set(connection.execute(_SUPPRESSED, {"ids": emails}).scalars())


def suppress(
    notify: Notify,
    tx: Transaction,
    service_id: uuid.UUID,
    matched: str,
    reason: Reason,
    *,
    detail: str = "",
    message: uuid.UUID | None = None,
) -> bool:
    """Put an address on a service's list; false when it stands there already."""
    row = {
        "service_id": service_id,
        "recipient_index": notify.catalogue.index(matched),
        "recipient_sealed": notify.cipher.encrypt(matched, scope=scope_of(service_id)),
        "reason": reason.value,
        "detail": detail[:20],
        "notification_id": message,
        "created_at": notify.clock.now(),
    }
    return bool(tx.connection.execute(insert(Suppression).values(row).on_conflict_do_nothing()).rowcount)


def list_suppressed(notify: Notify, service_id: uuid.UUID, after: str = "", *, size: int = LISTED_MAX) -> list[Suppressed]:
    """Give a page of a service's list, newest first, that goes on after an `index`; after one that is not on it an empty page."""
    table, own = Suppression, Suppression.service_id == service_id
    wanted = select(table.__table__).where(own)
    with notify.reading() as tx:
        if after:
            edge = tx.connection.execute(
                select(table.created_at, table.recipient_index).where(own, table.recipient_index == _index(after))
            ).first()
            if edge is None:
                return []
            wanted = wanted.where(tuple_(table.created_at, table.recipient_index) < tuple_(*edge))
        rows = tx.connection.execute(wanted.order_by(table.created_at.desc(), table.recipient_index.desc()).limit(size)).all()
    scope = scope_of(service_id)
    return [
        Suppressed(
            notify.cipher.decrypt(row.recipient_sealed, scope=scope), row.recipient_index.hex(), row.reason, row.detail, row.created_at
        )
        for row in rows
    ]


def suppress_by_hand(notify: Notify, member: Member, service_id: uuid.UUID, address: str) -> None:
    """Put an address on the list, because somebody asked for it."""
    with notify.transaction() as tx:
        if suppress(notify, tx, service_id, matched_form(address), Reason.STAFF):
            tx.record(
                Event.SUPPRESSED, actor=member.actor, object_id=str(service_id), channel="console", data={"reason": Reason.STAFF.value}
            )


def lift(notify: Notify, member: Member, service_id: uuid.UUID, index: str) -> None:
    """Take an address off the list.  Raises: NotFound."""
    with notify.transaction() as tx:
        own = (Suppression.service_id == service_id) & (Suppression.recipient_index == _index(index))
        if not tx.connection.execute(delete(Suppression).where(own)).rowcount:
            raise NotFound(gettext_noop("This address is not on the list."))
        tx.record(Event.SUPPRESSION_LIFTED, actor=member.actor, object_id=str(service_id), channel="console")


def _index(text: str) -> bytes:
    """Read an address's index; what is none is nobody's."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
