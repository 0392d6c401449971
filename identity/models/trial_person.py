"""Made-up persons of a team, for its services on trial (§3.11)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import Base


class TrialPerson(Base):
    """That a person is made up, for whom, and which case they are; what they sign in with is sealed under their own key, to be shown."""

    __tablename__ = "trial_persons"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    case: Mapped[str] = mapped_column(String(20))
    password_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("organisation_id", "case"),)
