"""Finders and moves of notifications, for every operation: one place that opens what is sealed and one that changes a status."""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, Row, Uuid, and_, bindparam, func, or_, select, text, tuple_, update

from notify.events import Event
from notify.models.base import scope_of
from notify.models.notification import STATUSES, Notification
from notify.standards.statuses import Status
from shared.crypto import DataKeys
from shared.outbox import BULK
from shared.rows import Rows
from shared.transaction import Transaction


@dataclass(slots=True)
class Message:
    """A notification as operations see it; personal values do not print.

    Nobody changes one.  It is not frozen, because making a frozen one of so many fields takes four times as long, 250 times a page.
    """

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
    attachments: int = 0
    reason: str | None = None
    provider: str | None = None

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
        attachments=sealed.get("attachments", 0),
        reason=row.reason,
        provider=row.provider,
    )


NEW = Rows(
    name="messages",
    insert="""
INSERT INTO notifications (id, service_id, api_key_id, key_kind, channel, template_id, template_version, status, reference, sealed,
    recipient_index, sender, postage, international, rate_multiplier, scheduled_for, bulk_id, row_number, created_at, attempts)
SELECT id, service_id, api_key_id, key_kind, channel, template_id, template_version, status, reference, sealed,
    recipient_index, sender, postage, international, rate_multiplier, scheduled_for, bulk_id, row_number, created_at, 0
FROM json_to_recordset(CAST(:messages AS json)) AS row (id uuid, service_id uuid, api_key_id uuid, key_kind text, channel text,
    template_id uuid, template_version int, status text, reference text, sealed bytea, recipient_index bytea, sender text, postage text,
    international bool, rate_multiplier int, scheduled_for timestamptz, bulk_id uuid, row_number int, created_at timestamptz)
""",
)
"""New notifications."""

# Many rows in one round trip: one JSON parameter, the same text whatever their number.
_APPLY = text("""
UPDATE notifications AS n SET
    status = COALESCE(v.status, n.status), updated_at = CASE WHEN v.status IS NULL THEN n.updated_at ELSE CAST(:now AS timestamptz) END,
    claimed_until = NULL, sent_at = COALESCE(v.sent_at, n.sent_at), provider = COALESCE(v.provider, n.provider),
    provider_reference = COALESCE(v.provider_reference, n.provider_reference),
    billable_units = COALESCE(v.billable_units, n.billable_units), attempts = n.attempts - COALESCE(v.no_tries, 0)
FROM json_to_recordset(CAST(:rows AS json)) AS v (id uuid, status text, sent_at timestamptz, provider text, provider_reference text,
    billable_units int, no_tries int)
WHERE n.id = v.id
""")
# Made once: making a statement takes longer than running it.
_T = Notification.__table__.c
_NAMED = _T.id == func.any(bindparam("ids", type_=ARRAY(Uuid)))
_ROWS = select(Notification.__table__).where(_NAMED)
_LOCK_ROWS = _ROWS.order_by(_T.id).with_for_update()
_LOCK_STATUSES = select(_T.id, _T.status).where(_NAMED).order_by(_T.id).with_for_update()
_SHOWN = select(*(column for column in _T if column.name not in {"recipient_index", "claimed_until", "row_number", "provider_reference"}))
_HELD = select(_T.id, _T.claimed_until).where(_NAMED, _T.status == Status.CREATED.value)
_FREE = or_(_T.claimed_until.is_(None), _T.claimed_until <= bindparam("now"))
_LOCKED = (
    select(_T.id).where(_NAMED, _T.status == Status.CREATED.value, _FREE).order_by(_T.id).with_for_update(skip_locked=True).cte("locked")
)
_CLAIM = update(Notification).where(_T.id == _LOCKED.c.id).values(claimed_until=bindparam("until"), attempts=_T.attempts + 1).returning(*_T)


def insert_many(tx: Transaction, rows: Sequence[Mapping[str, object]]) -> None:
    """Write new notifications; values as their columns have them."""
    tx.write(NEW, json.dumps(rows, default=_json))


def lock_rows(connection: Connection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Row[Any]]:
    """Give notifications by id, locked in the order of their ids, so that two who lock some of the same never wait for one another."""
    return {row.id: row for row in connection.execute(_LOCK_ROWS, {"ids": list(ids)})}


def lock_statuses(connection: Connection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Status]:
    """Give statuses by id, the rows locked as `lock_rows` does."""
    return {row.id: Status(row.status) for row in connection.execute(_LOCK_STATUSES, {"ids": list(ids)})}


def apply_many(connection: Connection, rows: Sequence[Mapping[str, object]], now: datetime) -> None:
    """Change locked notifications and end their claims; what a row leaves out stays.  The caller has checked each move."""
    connection.execute(_APPLY, {"rows": json.dumps(rows, default=_json), "now": now})


def _json(value: object) -> str:
    return "\\x" + value.hex() if isinstance(value, bytes) else value.isoformat() if isinstance(value, datetime) else str(value)


def find_row(connection: Connection, notification_id: uuid.UUID, *, lock: bool = False) -> Row[Any] | None:
    """Give the row of a notification, locked until the transaction's end where asked."""
    statement = select(Notification.__table__).where(Notification.id == notification_id)
    return connection.execute(statement.with_for_update() if lock else statement).one_or_none()


def find_rows(connection: Connection, ids: Collection[uuid.UUID]) -> list[Row[Any]]:
    """Give those of some notifications that are kept."""
    return list(connection.execute(_ROWS, {"ids": list(ids)}))


@dataclass(frozen=True)
class Kept:
    """From when on a service's messages are kept, and since when those of channels that are kept for less."""

    since: datetime
    shorter: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def condition(self) -> ColumnElement[bool]:
        """Ask for nothing that is past its retention."""
        table = Notification
        later = (or_(table.channel != channel, table.created_at >= since) for channel, since in self.shorter.items())
        return and_(table.created_at >= self.since, *later)


def find_service_row(connection: Connection, service_id: uuid.UUID, notification_id: uuid.UUID, kept: Kept) -> Row[Any] | None:
    """Give the row of a service's own notification that is not past its retention."""
    wanted = and_(Notification.id == notification_id, Notification.service_id == service_id, kept.condition)
    return connection.execute(select(Notification.__table__).where(wanted)).one_or_none()


@dataclass(frozen=True)
class Page:
    """What a page of the list is asked for; `before` is the (created_at, id) of the row it starts after."""

    service_id: uuid.UUID
    key_kind: str
    kept: Kept
    statuses: Collection[str] = ()
    channels: Collection[str] = ()
    reference: str | None = None
    before: tuple[datetime, uuid.UUID] | None = None
    include_jobs: bool = True


def find_page(connection: Connection, page: Page, size: int) -> list[Row[Any]]:
    """Give a page of a service's notifications, newest first; equal times are ordered by id, so no row is passed over."""
    table = Notification
    wanted = _SHOWN.where(table.service_id == page.service_id, table.key_kind == page.key_kind, page.kept.condition)
    if page.statuses:
        wanted = wanted.where(table.status.in_(page.statuses))
    if page.channels:
        wanted = wanted.where(table.channel.in_(page.channels))
    if page.reference is not None:
        wanted = wanted.where(table.reference == page.reference)
    if not page.include_jobs:
        wanted = wanted.where(table.bulk_id.is_(None))
    if page.before:
        # As one comparison of rows, which the index knows; said with OR, it would be read from the newest on.
        wanted = wanted.where(tuple_(table.created_at, table.id) < tuple_(*page.before))
    return list(connection.execute(wanted.order_by(table.created_at.desc(), table.id.desc()).limit(size)))


def claim(connection: Connection, ids: Collection[uuid.UUID], now: datetime, lease: timedelta) -> list[Row[Any]]:
    """Take created notifications to hand them over, those that no other holds; a claim runs out by itself."""
    return list(connection.execute(_CLAIM, {"ids": list(ids), "now": now, "until": now + lease}))


def queue_of(row: Row[Any]) -> str:
    """Give the queue by which the work for a message goes: what is of a job does not stand before what came alone."""
    return BULK if row.bulk_id is not None else ""


def may_have_left(row: Row[Any]) -> bool:
    """Tell whether a provider may have a message: it was handed over, or a worker offers it just now."""
    return row.key_kind != "test" and (row.provider is not None or (row.status == Status.CREATED and row.attempts > 0))


def keep_provider(connection: Connection, notification_id: uuid.UUID, provider: str) -> None:
    """Write down whom a claimed message is about to be offered to."""
    connection.execute(update(Notification).where(Notification.id == notification_id).values(provider=provider))


def find_held(connection: Connection, ids: Collection[uuid.UUID]) -> list[Row[Any]]:
    """Give those of some notifications that still wait to be handed over: (id, claimed_until)."""
    return list(connection.execute(_HELD, {"ids": list(ids)}))


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


def find_unanswered(connection: Connection, before: datetime, limit: int) -> list[uuid.UUID]:
    """Give ids of messages handed over before a moment and still without an outcome; letters wait for nobody."""
    open_ones = Notification.status.in_([Status.SENDING.value, Status.PENDING.value])
    handed_over = func.coalesce(Notification.sent_at, Notification.created_at) < before
    # The index goes by when it was made, which was before.
    wanted = and_(open_ones, Notification.created_at < before, handed_over, Notification.channel != "letter")
    return list(connection.execute(select(Notification.id).where(wanted).order_by(Notification.created_at).limit(limit)).scalars())
