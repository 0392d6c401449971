"""Organisations of the service register, and who may act for them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import Base


class OrganisationKind(StrEnum):
    """Public bodies may act under law; private ones always ask (§3.8)."""

    PUBLIC = "public"
    PRIVATE = "private"


class Role(StrEnum):
    """What a member may do.  Spec: identity-oidc §3.11."""

    OWNER = "owner"
    DEVELOPER = "developer"
    AUDITOR = "auditor"
    SUPPLIER = "supplier"
    OPERATOR = "operator"
    AGENT = "agent"
    HELPER = "helper"
    OFFICER = "officer"


class Organisation(Base):
    """A body that runs services."""

    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(10))
    contact_email: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("kind IN ('public', 'private')", name="kind"),)


class Member(Base):
    """A person with a role in an organisation, until `expires_at` when that is set."""

    __tablename__ = "members"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("organisation_id", "person_id", "role"),)
