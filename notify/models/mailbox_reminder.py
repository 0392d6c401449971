"""How a person wants to be told of what waits in the mailbox."""

from datetime import datetime

from sqlalchemy import CheckConstraint, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base

SCOPE = "mailbox-reminders"
"""The data key under which contacts for reminders stand: they are the person's own, not a service's."""


class MailboxReminder(Base):
    """One person's wish; `sealed` holds e-mail address or phone number, and language, as JSON."""

    __tablename__ = "mailbox_reminders"
    __table_args__ = (CheckConstraint("after_days BETWEEN 0 AND 30", name="after_days"),)

    person_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    channel: Mapped[str] = mapped_column(String(10))
    after_days: Mapped[int]
    changed_at: Mapped[datetime]
    # Since when e-mails to this address come back: it is not used until the person says another, or the same again.
    returned_at: Mapped[datetime | None]
