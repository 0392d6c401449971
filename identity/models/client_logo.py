"""Pictures of clients, as we made them anew from what the client's address gave (RG-6)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import Base


class ClientLogo(Base):
    """One client's picture: a PNG of at most 96 by 96 points."""

    __tablename__ = "client_logos"

    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), primary_key=True)
    picture: Mapped[bytes] = mapped_column(LargeBinary)
    fetched_at: Mapped[datetime]
