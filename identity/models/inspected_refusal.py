"""Refusals as the sandbox keeps them, so that a team sees what was wrong with its own requests."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import Base


class InspectedRefusal(Base):
    """One refused request: names of its parameters with values that are no secrets, and why it was refused."""

    __tablename__ = "inspected_refusals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(80), index=True)
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(String(200))
    parameters: Mapped[dict[str, object]] = mapped_column(JSONB)
    slug: Mapped[str] = mapped_column(String(80))
    code: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(String(400))
    request_id: Mapped[str] = mapped_column(String(64))
    refused_at: Mapped[datetime] = mapped_column(index=True)
