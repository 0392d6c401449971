"""Persons and what they sign in with."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import HASH, Base


class PersonState(StrEnum):
    """Only an active person signs in or is told about (UI-7).

    A pending one has a code, or somebody who acts for them, and no account yet; of an erased one nothing is left that names them.
    """

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DECEASED = "deceased"
    PENDING = "pending"
    ERASED = "erased"


class Person(Base):
    """A natural person: `id` is random and not derived from the RUN.

    `run_index` finds a RUN without holding it; `facts_sealed` is JSON (names, RUN, contacts) under the person's own data key.
    """

    __tablename__ = "persons"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    run_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    facts_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10), default=PersonState.ACTIVE)
    language: Mapped[str] = mapped_column(String(5), server_default=text("'es'"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("state IN ('active', 'suspended', 'deceased', 'pending', 'erased')", name="state"),)


class Password(Base):
    """A person's password as an Argon2id hash over a peppered HMAC (PW-1, PW-2); without a version it came from elsewhere (PW-8).

    `must_change` asks for a new one at the next sign-in: thieves know it (PW-6).
    """

    __tablename__ = "passwords"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(200))
    pepper_version: Mapped[str] = mapped_column(String(20))
    changed_at: Mapped[datetime]
    must_change: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class TotpAuthenticator(Base):
    """An authenticator app; `last_step` is the newest time step that was accepted, each once."""

    __tablename__ = "totp_authenticators"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class KnownDevice(Base):
    """A browser in which this person has signed in before; strangers' failures do not count against it (LK-2)."""

    __tablename__ = "known_devices"

    token_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Subject(Base):
    """The pairwise `sub` of a person in a sector: this table is the truth (§2.23)."""

    __tablename__ = "subjects"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    sector: Mapped[str] = mapped_column(String(255), primary_key=True)
    sub: Mapped[str] = mapped_column(String(255), unique=True)
    key_version: Mapped[str] = mapped_column(String(20))


class Throttle(Base):
    """Failures of one factor of one RUN from one kind of device; `key` is keyed, so that unknown RUNs count the same."""

    __tablename__ = "throttles"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    window_failures: Mapped[int] = mapped_column(Integer)
    window_started_at: Mapped[datetime]
    consecutive_failures: Mapped[int] = mapped_column(Integer)
    wait_until: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(index=True)
