"""A notification: one message to one recipient, and the one table along which its status moves.  Spec: notify-api §10."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.events import Event
from notify.models.base import Base
from notify.standards.statuses import Status
from shared.states import Table

_RECEIPTS: dict[Status, Event] = {
    Status.DELIVERED: Event.DELIVERED,
    Status.TEMPORARY_FAILURE: Event.FAILED,
    Status.PERMANENT_FAILURE: Event.FAILED,
    Status.TECHNICAL_FAILURE: Event.FAILED,
}

STATUSES: Table[Status, Event] = Table(
    "notification",
    initial=frozenset({Status.CREATED, Status.PENDING_VIRUS_CHECK}),
    moves={
        # A letter that came as a file is looked at first.
        (Status.PENDING_VIRUS_CHECK, Status.CREATED): Event.CHECKED,
        (Status.PENDING_VIRUS_CHECK, Status.VIRUS_SCAN_FAILED): Event.FAILED,
        (Status.PENDING_VIRUS_CHECK, Status.VALIDATION_FAILED): Event.FAILED,
        (Status.PENDING_VIRUS_CHECK, Status.CANCELLED): Event.CANCELLED,
        (Status.CREATED, Status.CANCELLED): Event.CANCELLED,
        # A letter that its values make too long is known when its pages are made.
        (Status.CREATED, Status.VALIDATION_FAILED): Event.FAILED,
        (Status.CREATED, Status.SENDING): Event.HANDED_OVER,
        (Status.CREATED, Status.SENT): Event.HANDED_OVER,
        # A receipt may overtake the worker that is about to note the hand-over.
        (Status.CREATED, Status.PENDING): Event.PENDING,
        (Status.SENDING, Status.PENDING): Event.PENDING,
        (Status.SENT, Status.PENDING): Event.PENDING,
        **{
            (source, target): action
            for source in (Status.CREATED, Status.SENDING, Status.SENT, Status.PENDING)
            for target, action in _RECEIPTS.items()
        },
        # A letter that was posted may come back weeks later.
        **{(source, Status.RETURNED_LETTER): Event.RETURNED for source in (Status.SENDING, Status.DELIVERED)},
    },
)


_LISTED = ("service_id", "key_kind", "created_at", "id")
NOT_ARRIVED = (
    "'technical-failure', 'temporary-failure', 'permanent-failure', "
    "'validation-failed', 'virus-scan-failed', 'returned-letter', 'cancelled'"
)


class Notification(Base):
    """One message.  `sealed` holds recipient and personalisation as JSON, encrypted under the service's data key.

    It refers to services, keys and template versions, which are never deleted, without foreign keys: a check of each would be
    a third of the work of keeping a message.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint("key_kind IN ('normal', 'team', 'test')", name="key_kind"),
        Index("ix_notifications_service_id_key_kind_created_at_id", *_LISTED),
        # A hash: a reference may be longer than a row of a tree.
        Index("ix_notifications_reference", "reference", postgresql_using="hash"),
        Index("ix_notifications_service_id_recipient_index", "service_id", "recipient_index"),
        # What the nightly sweep and a person looking for stuck messages ask for: few rows, whatever the size of the table.
        Index("ix_notifications_open", "created_at", postgresql_where=text("status IN ('created', 'sending', 'pending')")),
        Index("ix_notifications_bulk_id", "bulk_id", postgresql_where=text("bulk_id IS NOT NULL")),
        # Lists of what is rare among very many: what did not arrive, and what is neither a text nor an e-mail.
        Index("ix_notifications_not_arrived", *_LISTED, postgresql_where=text(f"status IN ({NOT_ARRIVED})")),
        Index("ix_notifications_letters", *_LISTED, postgresql_where=text("channel IN ('letter', 'mailbox')")),
        # A table a day: ids are made of the moment (UUID version 7), so an id alone says in which table its row stands.
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID]
    api_key_id: Mapped[uuid.UUID]
    key_kind: Mapped[str] = mapped_column(String(10))
    channel: Mapped[str] = mapped_column(String(10))
    template_id: Mapped[uuid.UUID]
    template_version: Mapped[int]
    status: Mapped[str] = mapped_column(String(30))
    reference: Mapped[str | None] = mapped_column(String(1000))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    recipient_index: Mapped[bytes] = mapped_column(LargeBinary)
    sender: Mapped[str | None] = mapped_column(String(1000))
    postage: Mapped[str | None] = mapped_column(String(20))
    international: Mapped[bool] = mapped_column(default=False)
    rate_multiplier: Mapped[int] = mapped_column(default=1)
    billable_units: Mapped[int | None]
    scheduled_for: Mapped[datetime | None]
    bulk_id: Mapped[uuid.UUID | None]
    row_number: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(String(80))
    provider: Mapped[str | None] = mapped_column(String(40))
    provider_reference: Mapped[str | None] = mapped_column(String(200))
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None]
