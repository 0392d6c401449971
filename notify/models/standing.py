"""How a service stands with those who get its e-mails: what bounced, who complained, and whether it may go on."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.events import Event
from notify.models.base import Base
from shared.states import Table


class Standing(StrEnum):
    """Whether a service's e-mails go out."""

    GOOD = "good"
    WARNED = "warned"
    PAUSED = "paused"


STANDINGS: Table[Standing, Event] = Table(
    "standing",
    initial=frozenset({Standing.GOOD}),
    moves={
        (Standing.GOOD, Standing.WARNED): Event.SERVICE_WARNED,
        (Standing.GOOD, Standing.PAUSED): Event.SERVICE_PAUSED,
        (Standing.WARNED, Standing.PAUSED): Event.SERVICE_PAUSED,
        (Standing.WARNED, Standing.GOOD): Event.SERVICE_CALMED,
        (Standing.PAUSED, Standing.GOOD): Event.SERVICE_RESUMED,
    },
)


class ServiceStanding(Base):
    """Where a service stands; one without a row stands well.  Troubles before `counted_from` were forgiven when it was resumed."""

    __tablename__ = "service_standings"
    __table_args__ = (CheckConstraint("state IN ('good', 'warned', 'paused')", name="state"),)

    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    since: Mapped[datetime]
    counted_from: Mapped[datetime | None]
    # How many e-mails, bounces and complaints led to the present state.
    mails: Mapped[int]
    bounces: Mapped[int]
    complaints: Mapped[int]


class MailTrouble(Base):
    """One e-mail that nobody could get, or that its reader called unwanted; says nothing of whom."""

    __tablename__ = "mail_troubles"
    __table_args__ = (
        CheckConstraint("kind IN ('bounce', 'complaint')", name="kind"),
        Index("ix_mail_troubles_at_service_id", "at", "service_id"),
    )

    notification_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    service_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
