"""What the operator set about a provider while it runs."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class ProviderSetting(Base):
    """The weight of one provider of one channel; 0 pauses it."""

    __tablename__ = "provider_settings"
    __table_args__ = (CheckConstraint("weight BETWEEN 0 AND 1000", name="weight"),)

    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    weight: Mapped[int]
    changed_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime]
