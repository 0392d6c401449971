"""Status lists: where a provider sees whether a consent still holds, without asking about it.  Spec: wallet contract §13."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base


class StatusList(Base):
    """One list and its newest token; `is_stale` says that a state changed since it was signed."""

    __tablename__ = "status_lists"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    token: Mapped[str | None]
    signed_at: Mapped[datetime | None]
    is_stale: Mapped[bool] = mapped_column(default=True)


def newest_list(session: Session) -> StatusList | None:
    """Return the list in which new entries are given, if there is one, locked."""
    newest = select(func.max(StatusList.number)).scalar_subquery()
    return session.scalars(select(StatusList).where(StatusList.number == newest).with_for_update()).one_or_none()
