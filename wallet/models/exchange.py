"""Exchanges: one row a request at the gate, without payload.  Spec: wallet contract §8."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.states import Table
from wallet.events import Outcome
from wallet.models.base import Base


class ExchangeState(StrEnum):
    """Where one exchange stands."""

    ATTEMPT = "attempt"
    RELEASED = "released"
    NO_RECORD = "no_record"
    DENIED = "denied"
    FAILED = "failed"
    PREVIEWED = "previewed"
    WAITING = "waiting"
    """The register answers later; the same request is repeated."""
    MINTED = "minted"
    """A token was given; what came of it is the provider's to report."""


S = ExchangeState
SETTLED = (S.RELEASED, S.NO_RECORD, S.DENIED, S.FAILED, S.PREVIEWED)
EXCHANGE_STATES: Table[ExchangeState, Outcome] = Table(
    "exchange",
    initial=frozenset({S.ATTEMPT, S.MINTED}),
    moves={(S.ATTEMPT, S.RELEASED): Outcome.RELEASED, (S.ATTEMPT, S.NO_RECORD): Outcome.NO_RECORD}
    | {(S.MINTED, S.RELEASED): Outcome.RELEASED, (S.MINTED, S.NO_RECORD): Outcome.NO_RECORD}
    | {(S.MINTED, S.DENIED): Outcome.DENIED, (S.MINTED, S.FAILED): Outcome.FAILED}
    | {(S.ATTEMPT, S.WAITING): Outcome.ATTEMPT, (S.WAITING, S.ATTEMPT): Outcome.ATTEMPT, (S.WAITING, S.FAILED): Outcome.FAILED}
    | {(S.ATTEMPT, S.DENIED): Outcome.DENIED, (S.ATTEMPT, S.FAILED): Outcome.FAILED, (S.ATTEMPT, S.PREVIEWED): Outcome.PREVIEWED}
    # The same request again within a day runs the release again under the same txn (X7).
    | {(state, S.ATTEMPT): Outcome.ATTEMPT for state in SETTLED},
)


class Exchange(Base):
    """One request of one client: enough to repeat it, count it and close it, and nothing of what was answered.

    `sealed` holds, encrypted and only while the attempt is open or its register takes its time, what the outcome row of an interrupted
    attempt needs.
    """

    __tablename__ = "exchanges"
    __table_args__ = (
        CheckConstraint("state in (" + ", ".join(f"'{state}'" for state in ExchangeState) + ")", name="state"),
        Index("ix_exchanges_consent_id", "consent_id", "state", "attempted_at"),
        Index("ix_exchanges_agreement_id", "agreement_id", "attempted_at"),
        Index("ix_exchanges_open", "attempted_at", postgresql_where=text("state = 'attempt'")),
        Index("ix_exchanges_waiting", "created_at", postgresql_where=text("state = 'waiting'")),
    )

    client_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    txn: Mapped[UUID] = mapped_column(unique=True)
    body_sha256: Mapped[str]
    agreement_id: Mapped[str | None]
    consent_id: Mapped[UUID | None]
    state: Mapped[str]
    counted: Mapped[bool] = mapped_column(default=False)
    runs: Mapped[int] = mapped_column(default=1)
    attempted_at: Mapped[datetime]
    created_at: Mapped[datetime]
    sealed: Mapped[bytes | None]
