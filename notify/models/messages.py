"""Finders and moves of notifications, for every operation: one place that opens what is sealed and one that changes a status."""

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from notify.events import Event
from notify.models.base import scope_of
from notify.models.notification import STATUSES, Notification
from notify.standards.statuses import Status
from shared.crypto import DataKeys


@dataclass(frozen=True)
class Message:
    """A notification as operations see it; personal values do not print."""

    id: uuid.UUID
    service_id: uuid.UUID
    api_key_id: uuid.UUID
    key_kind: str
    channel: str
    template_id: uuid.UUID
    template_version: int
    status: Status
    reference: str | None
    sender: str | None
    postage: str | None
    international: bool
    rate_multiplier: int
    billable_units: int | None
    scheduled_for: datetime | None
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    updated_at: datetime | None
    to: str = field(repr=False)
    matched: str = field(repr=False)
    values: dict[str, Any] = field(repr=False)  # the caller's JSON
    unsubscribe_url: str | None = field(repr=False)

    @property
    def is_test(self) -> bool:
        """True for messages of a test key, which never leave."""
        return self.key_kind == "test"


def open_row(row: Row[Any], cipher: DataKeys) -> Message:
    """Make a Message of a row of notifications.  Raises: CannotDecrypt after an erasure."""
    sealed = json.loads(cipher.decrypt(row.sealed, scope=scope_of(row.service_id)))
    return Message(
        id=row.id,
        service_id=row.service_id,
        api_key_id=row.api_key_id,
        key_kind=row.key_kind,
        channel=row.channel,
        template_id=row.template_id,
        template_version=row.template_version,
        status=Status(row.status),
        reference=row.reference,
        sender=row.sender,
        postage=row.postage,
        international=row.international,
        rate_multiplier=row.rate_multiplier,
        billable_units=row.billable_units,
        scheduled_for=row.scheduled_for,
        attempts=row.attempts,
        created_at=row.created_at,
        sent_at=row.sent_at,
        updated_at=row.updated_at,
        to=sealed["to"],
        matched=sealed["matched"],
        values=sealed["values"],
        unsubscribe_url=sealed["unsubscribe_url"],
    )


def find_row(connection: Connection, notification_id: uuid.UUID, *, lock: bool = False) -> Row[Any] | None:
    """Give the row of a notification, locked until the transaction's end where asked."""
    statement = select(Notification.__table__).where(Notification.id == notification_id)
    return connection.execute(statement.with_for_update() if lock else statement).one_or_none()


def find_service_row(connection: Connection, service_id: uuid.UUID, notification_id: uuid.UUID, since: datetime) -> Row[Any] | None:
    """Give the row of a service's own notification that is not past its retention."""
    wanted = and_(Notification.id == notification_id, Notification.service_id == service_id, Notification.created_at >= since)
    return connection.execute(select(Notification.__table__).where(wanted)).one_or_none()


@dataclass(frozen=True)
class Page:
    """What a page of the list is asked for; `before` is the (created_at, id) of the row it starts after."""

    service_id: uuid.UUID
    key_kind: str
    since: datetime
    statuses: Collection[str] = ()
    channels: Collection[str] = ()
    reference: str | None = None
    before: tuple[datetime, uuid.UUID] | None = None


def find_page(connection: Connection, page: Page, size: int) -> list[Row[Any]]:
    """Give a page of a service's notifications, newest first; equal times are ordered by id, so no row is passed over."""
    table = Notification
    wanted = select(table.__table__).where(
        table.service_id == page.service_id, table.key_kind == page.key_kind, table.created_at >= page.since
    )
    if page.statuses:
        wanted = wanted.where(table.status.in_(page.statuses))
    if page.channels:
        wanted = wanted.where(table.channel.in_(page.channels))
    if page.reference is not None:
        wanted = wanted.where(table.reference == page.reference)
    if page.before:
        at, last_id = page.before
        wanted = wanted.where(or_(table.created_at < at, and_(table.created_at == at, table.id < last_id)))
    return list(connection.execute(wanted.order_by(table.created_at.desc(), table.id.desc()).limit(size)))


def claim(connection: Connection, notification_id: uuid.UUID, now: datetime, lease: timedelta) -> Row[Any] | None:
    """Take a created notification to hand it over, unless another holds it; the claim runs out by itself."""
    table = Notification
    free = or_(table.claimed_until.is_(None), table.claimed_until <= now)
    return connection.execute(
        update(table)
        .where(table.id == notification_id, table.status == Status.CREATED.value, free)
        .values(claimed_until=now + lease, attempts=table.attempts + 1)
        .returning(*table.__table__.c)
    ).one_or_none()


def release(connection: Connection, notification_id: uuid.UUID) -> None:
    """Give a claim back, so that the next try need not wait for its end."""
    connection.execute(
        update(Notification)
        .where(Notification.id == notification_id, Notification.status == Status.CREATED.value)
        .values(claimed_until=None)
    )


def move(
    connection: Connection, notification_id: uuid.UUID, source: Status, target: Status, now: datetime, **changes: object
) -> Event | None:
    """Move a status along the table, if it still stands at `source`; give the audit action, None when it moved on meanwhile.

    Raises: WrongState for a move that is not in the table.
    """
    action = STATUSES.check(source, target)
    changed = connection.execute(
        update(Notification)
        .where(Notification.id == notification_id, Notification.status == source.value)
        .values(status=target.value, updated_at=now, claimed_until=None, **changes)
    ).rowcount
    return action if changed else None


def find_unanswered(connection: Connection, before: datetime, limit: int = 1000) -> list[uuid.UUID]:
    """Give ids of messages handed over before a moment and still without an outcome; letters wait for nobody."""
    open_ones = Notification.status.in_([Status.SENDING.value, Status.PENDING.value])
    wanted = and_(open_ones, Notification.created_at < before, Notification.channel != "letter")
    return list(connection.execute(select(Notification.id).where(wanted).order_by(Notification.created_at).limit(limit)).scalars())
