"""Accounts: the name that identity has for a person here, and whether it is to be trusted now.  Spec: wallet contract §11."""

from datetime import datetime

from sqlalchemy import Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base


class Account(Base):
    """One account that signed in here; sessions begun before `signed_out_before` are over."""

    __tablename__ = "accounts"
    __table_args__ = (Index("ix_accounts_subject_index", "subject_index"),)

    sub: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[bytes]
    subject_index: Mapped[bytes]
    seen_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    signed_out_before: Mapped[datetime | None]


def find_account(session: Session, sub: str, *, lock: bool = False) -> Account | None:
    """Return an account."""
    statement = select(Account).where(Account.sub == sub)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()
