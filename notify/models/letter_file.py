"""The PDF of a letter, encrypted like all that holds a person's name and address."""

import uuid
from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class LetterFile(Base):
    """One rendered letter; the file never changes once it is there."""

    __tablename__ = "letter_files"
    __table_args__ = ({"postgresql_partition_by": "RANGE (notification_id)"},)

    notification_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    pdf_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    pages: Mapped[int]
    created_at: Mapped[datetime]
