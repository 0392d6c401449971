"""A person's own history: what happened with their account (§3.10).  Rows are only added; each day is sealed over the one before."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Date, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import HASH, Base


class What(StrEnum):
    """What a person reads about in their history."""

    ACTIVATION_ISSUED = "activation-issued"
    ACTIVATION_USED = "activation-used"
    LOGIN = "login"
    LOGIN_FAILED = "login-failed"
    LOGIN_BLOCKED = "login-blocked"
    UNBLOCKED = "unblocked"
    STEP_UP = "step-up"
    LOGOUT = "logout"
    CONSENT_GIVEN = "consent-given"
    CONSENT_WITHDRAWN = "consent-withdrawn"
    AUTHENTICATOR_ADDED = "authenticator-added"
    AUTHENTICATOR_REMOVED = "authenticator-removed"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a name of an event
    CODES_MADE = "recovery-codes-made"
    CODE_USED = "recovery-code-used"
    CODE_HELD = "message-code-held"
    CONTACT_ADDED = "contact-added"
    RECOVERY_STARTED = "recovery-started"
    RECOVERY_CANCELLED = "recovery-cancelled"
    RECOVERY_DONE = "recovery-done"
    SESSION_CLOSED = "session-closed"
    SIGN_IN_REFUSED = "sign-in-refused"
    DISOWNED = "disowned"
    MANDATE_MADE = "mandate-made"
    MANDATE_ENDED = "mandate-ended"
    MANDATE_USED = "mandate-used"
    ASSISTED = "assisted"
    DATA_CHANGED = "data-changed"
    REUSE = "reuse-detected"
    RENEWED = "access-renewed"


class HistoryEvent(Base):
    """One row; `details_sealed` is JSON (service, device, place, method, agent …) under the person's own data key."""

    __tablename__ = "history_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    what: Mapped[str] = mapped_column(String(30))
    details_sealed: Mapped[bytes] = mapped_column(LargeBinary)


class HistoryDay(Base):
    """One day's rows, hashed over the day before: who takes a row away or changes one breaks the chain."""

    __tablename__ = "history_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    rows: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(HASH)
