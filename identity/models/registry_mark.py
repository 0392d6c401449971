"""How far the events of the civil registry were taken over: one row."""

from sqlalchemy import BigInteger, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import Base


class RegistryMark(Base):
    """The number of the last event."""

    __tablename__ = "registry_marks"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
