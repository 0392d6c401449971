"""Purposes: a closed, versioned list of why data may be asked for.  Spec: wallet contract §2."""

from sqlalchemy import CheckConstraint, Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base, Stamped


class Purpose(Stamped, Base):
    """Why data may be asked for, in plain words."""

    __tablename__ = "purposes"
    __table_args__ = (
        CheckConstraint("status in ('draft', 'active', 'retired')", name="status"),
        Index("uq_purposes_active", "purpose_id", unique=True, postgresql_where=text("status = 'active'")),
    )

    purpose_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[dict[str, str]]
    dpv_purpose: Mapped[str]
    legal_basis: Mapped[str]
    notice_id: Mapped[str]
    procedure_code: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="draft")


def find_purpose(session: Session, purpose_id: str, version: int | None = None) -> Purpose | None:
    """Return the active version of a purpose, or the named one whatever its status."""
    statement = select(Purpose).where(Purpose.purpose_id == purpose_id)
    statement = statement.where(Purpose.status == "active") if version is None else statement.where(Purpose.version == version)
    return session.scalars(statement).one_or_none()
