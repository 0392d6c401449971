"""Services of the register: what an organisation offers to people."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, text
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import TEXTS, Base
from shared.states import Table

OWN = "identity-account"
"""Id of our own organisation, service and client, with which people sign in to identity's own pages."""


class Stage(StrEnum):
    """Trial services are reached by test persons, live ones by everybody."""

    TRIAL = "trial"
    LIVE = "live"


STAGES = Table("service", initial=frozenset({Stage.TRIAL, Stage.LIVE}), moves={(Stage.TRIAL, Stage.LIVE): Event.SERVICE_LIVE})
"""The one move: from trial to live, with a checklist and two persons (SH-14)."""


class ReleaseBasis(StrEnum):
    """On what ground data are given out: with the person's consent, or under law with information only (§3.8)."""

    CONSENT = "consent"
    LAW = "law"


class Service(Base):
    """One service; its clients, data and bills hang on it.  `assist_…` are what agents may do for people, and agents of which bodies."""

    __tablename__ = "services"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(String(80), unique=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    purpose: Mapped[str] = mapped_column(String(1000))
    stage: Mapped[str] = mapped_column(String(10))
    release_basis: Mapped[str] = mapped_column(String(10))
    start_url: Mapped[str] = mapped_column(String(2000))
    contact_email: Mapped[str] = mapped_column(String(254))
    owner: Mapped[str] = mapped_column(String(200), server_default=text("''"))
    legal_basis: Mapped[str] = mapped_column(String(500), server_default=text("''"))
    channels: Mapped[list[str]] = mapped_column(TEXTS, server_default=text("'{web}'"))
    assist_actions: Mapped[list[str]] = mapped_column(TEXTS, server_default=text("'{information,draft}'"))
    assist_offices: Mapped[list[str]] = mapped_column(TEXTS, server_default=text("'{}'"))
    created_at: Mapped[datetime]
    live_asked_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    live_asked_at: Mapped[datetime | None]
    live_approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    live_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("stage IN ('trial', 'live')", name="stage"),
        CheckConstraint("release_basis IN ('consent', 'law')", name="release_basis"),
    )
