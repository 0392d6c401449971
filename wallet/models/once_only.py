"""Facts that a form asked a person for although a body holds them.  Spec: wallet contract §8.3 X1."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from wallet.models.base import Base


class AskedAgain(Base):
    """One report; who the person was is not kept."""

    __tablename__ = "asked_again"
    __table_args__ = (Index("ix_asked_again_org_id", "org_id", "reported_at"),)

    report_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    concept: Mapped[str]
    procedure_code: Mapped[str | None]
    by_body: Mapped[bool]
    reported_at: Mapped[datetime]
