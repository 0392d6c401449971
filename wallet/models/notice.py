"""Notices: the exact words shown with a purpose, immutable once written.  Spec: wallet contract §2."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base


class Notice(Base):
    """One text in one language and one version; `sha256` is over the canonical form of title and body."""

    __tablename__ = "notices"

    notice_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    lang: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    body: Mapped[str]
    sha256: Mapped[str]
    created_at: Mapped[datetime]


def find_notice(session: Session, notice_id: str, lang: str) -> Notice | None:
    """Return the newest version of a notice in a language."""
    statement = select(Notice).where(Notice.notice_id == notice_id, Notice.lang == lang).order_by(Notice.version.desc()).limit(1)
    return session.scalars(statement).one_or_none()
