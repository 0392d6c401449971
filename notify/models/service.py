"""A service that sends, its keys, its senders, and whom it may write to while on trial."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base

PERMISSIONS = ("email", "sms", "letter", "mailbox", "international_sms", "international_letters", "sms_to_uk_landlines")
DEFAULT_PERMISSIONS = ("email", "sms", "letter", "mailbox", "international_sms", "international_letters")


class Service(Base):
    """One service of an organisation; `restricted` while it is on trial."""

    __tablename__ = "services"
    __table_args__ = (
        CheckConstraint("number_region IN ('GB', 'CL')", name="number_region"),
        CheckConstraint("address_scheme IN ('uk', 'cl')", name="address_scheme"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    # The organisation of the service register; who has a role there works on this service.
    org_id: Mapped[str | None] = mapped_column(String(80), index=True)
    active: Mapped[bool] = mapped_column(default=True)
    restricted: Mapped[bool] = mapped_column(default=True)
    permissions: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    prefix_sms: Mapped[bool] = mapped_column(default=True)
    email_local_part: Mapped[str] = mapped_column(String(64))
    rate_per_minute: Mapped[int] = mapped_column(default=3000)
    daily_email: Mapped[int] = mapped_column(default=250_000)
    daily_sms: Mapped[int] = mapped_column(default=250_000)
    daily_letter: Mapped[int] = mapped_column(default=20_000)
    daily_international_sms: Mapped[int] = mapped_column(default=100)
    daily_mailbox: Mapped[int] = mapped_column(default=250_000)
    retention_days: Mapped[int] = mapped_column(default=7)
    # Days by channel, where a channel has others than that.
    retention: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict, server_default="{}")
    # The rules by which numbers and addresses are read: those of the published contract unless the team chose others.
    number_region: Mapped[str] = mapped_column(String(2), default="GB", server_default="GB")
    address_scheme: Mapped[str] = mapped_column(String(2), default="uk", server_default="uk")
    # Where people who were sent a file by e-mail can ask; without it no files are sent.
    contact_link: Mapped[str | None] = mapped_column(String(500))
    # Whom of the team problems are told to: e-mail addresses as a JSON list, encrypted.
    notices_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A key of a service.  The secret is needed itself to check a signature, so it stands encrypted, not hashed."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("kind IN ('normal', 'team', 'test')", name="kind"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(10))
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Sender(Base):
    """A name or address a service's messages come from: SMS sender, email reply-to, letter contact block."""

    __tablename__ = "senders"
    __table_args__ = (CheckConstraint("channel IN ('email', 'sms', 'letter')", name="channel"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), index=True)
    channel: Mapped[str] = mapped_column(String(10))
    value: Mapped[str] = mapped_column(String(1000))
    is_default: Mapped[bool] = mapped_column(default=False)
    archived: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class GuestListEntry(Base):
    """A recipient whom a team key, or a service on trial, may write to: a team member or a guest."""

    __tablename__ = "guest_list_entries"
    __table_args__ = (UniqueConstraint("service_id", "recipient_index"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"))
    recipient_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    recipient_index: Mapped[bytes] = mapped_column(LargeBinary)
    is_team: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
