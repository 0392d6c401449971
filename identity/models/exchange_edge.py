"""Who may exchange a person's token for one for somebody else: each edge is registered (TX-2)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import TEXTS, Base


class ExchangeEdge(Base):
    """A client that is `from_audience` may get tokens for `to_audience` with at most these scopes, on behalf of a person."""

    __tablename__ = "exchange_edges"

    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), primary_key=True)
    from_audience: Mapped[str] = mapped_column(String(2000), primary_key=True)
    to_audience: Mapped[str] = mapped_column(String(2000), primary_key=True)
    scopes: Mapped[list[str]] = mapped_column(TEXTS)
    created_at: Mapped[datetime]
