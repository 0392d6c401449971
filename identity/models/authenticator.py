"""What a person signs in with beside password and app: passkeys, recovery codes, codes sent by message."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import Base


class PasskeyUser(Base):
    """The handle by which authenticators know a person: 64 random bytes, never the RUN (WA-2)."""

    __tablename__ = "passkey_users"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    handle: Mapped[bytes] = mapped_column(LargeBinary, unique=True)


class Passkey(Base):
    """One credential; `backed_up` ones live in a person's account at their maker, others in one device (WA-3)."""

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    backup_eligible: Mapped[bool] = mapped_column(Boolean)
    backed_up: Mapped[bool] = mapped_column(Boolean)
    name: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """One of ten codes on paper; kept as a keyed hash, used once (§3.4)."""

    __tablename__ = "recovery_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    code_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class MessageCode(Base):
    """A code sent to a contact; one live per person and purpose, five tries (§3.7, §5)."""

    __tablename__ = "message_codes"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(30), primary_key=True)
    channel: Mapped[str] = mapped_column(String(10))
    code_index: Mapped[bytes] = mapped_column(LargeBinary)
    tries_left: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (CheckConstraint("channel IN ('sms', 'email', 'mailbox')", name="channel"),)


class ContactChange(Base):
    """The latest wish for another contact of one kind; it counts once its code came back (§3.7)."""

    __tablename__ = "contact_changes"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    value_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    asked_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
