"""How a person's identity was once checked (§3.6 step 3, §2.25)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import Base


class PersonProofing(Base):
    """The newest check of a person, sealed whole under the person's own data key."""

    __tablename__ = "person_proofings"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    proofing_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime]
