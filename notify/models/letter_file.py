"""The PDF of a letter, encrypted like all that holds a person's name and address."""

import uuid
from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base

LETTERS = "letters/"


def letter_name(notification_id: uuid.UUID) -> str:
    """Name a letter's file outside its row; names are in the order of time, as the ids are."""
    return f"{LETTERS}{notification_id}"


class LetterFile(Base):
    """One rendered letter; the file never changes once it is there.  An empty `pdf_sealed` says that it is in the bucket."""

    __tablename__ = "letter_files"
    __table_args__ = ({"postgresql_partition_by": "RANGE (notification_id)"},)

    notification_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    pdf_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    pages: Mapped[int]
    created_at: Mapped[datetime]
