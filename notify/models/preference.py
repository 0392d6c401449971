"""How a person wants to be written to, whoever writes."""

import uuid
from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base

SCOPE = "person-preferences"
"""The data key under which people's own addresses stand: they are the person's, not a service's."""


class PersonPreference(Base):
    """One person's wish: channels, the best first; `sealed` holds e-mail address and phone number as JSON."""

    __tablename__ = "person_preferences"

    person_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    channels: Mapped[list[str]] = mapped_column(ARRAY(String(10)))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime]


class PersonSend(Base):
    """A message to a person that is followed until it arrived; `sealed` holds what the next channel needs, under the service's key."""

    __tablename__ = "person_sends"
    __table_args__ = (Index("ix_person_sends_look_at", "look_at"),)

    notification_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID]
    api_key_id: Mapped[uuid.UUID]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    # What it came with: the message that follows belongs to the same journey.
    request_id: Mapped[str] = mapped_column(String(64), server_default="")
    journey_id: Mapped[str] = mapped_column(String(64), server_default="")
    look_at: Mapped[datetime]
    created_at: Mapped[datetime]
