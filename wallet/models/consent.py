"""Consents: what a person decided, append-only, and the chain of events after it.  Spec: wallet contract §3, §4."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.states import Table
from wallet.events import Event
from wallet.models.base import Base


class ConsentState(StrEnum):
    """Where a consent stands; only an active one lets data move."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    INVALIDATED = "invalidated"


S = ConsentState
LIVE_STATES = (S.ACTIVE, S.SUSPENDED)
CONSENT_STATES: Table[ConsentState, Event] = Table(
    "consent",
    initial=frozenset({S.ACTIVE}),
    moves={(S.ACTIVE, S.ACTIVE): Event.CONSENT_USED, (S.ACTIVE, S.SUSPENDED): Event.CONSENT_SUSPENDED}
    | {(S.SUSPENDED, S.ACTIVE): Event.CONSENT_RESUMED, (S.ACTIVE, S.SUPERSEDED): Event.CONSENT_RENEWED}
    | {(state, S.WITHDRAWN): Event.CONSENT_WITHDRAWN for state in LIVE_STATES}
    | {(state, S.REVOKED): Event.CONSENT_REVOKED for state in LIVE_STATES}
    | {(state, S.EXPIRED): Event.CONSENT_EXPIRED for state in LIVE_STATES}
    | {(state, S.INVALIDATED): Event.CONSENT_DEPENDENCY_LOST for state in LIVE_STATES},
)

COMPROMISED = "credential_compromise"
"""Reason of a consent that was paused because its account may have been another's hands; its person lets it go on."""

USED_UP = "used_up"
"""Reason of a consent that expired because its uses are spent, not because its time is."""


class Consent(Base):
    """One person × one recipient × one source dataset × one purpose; only state, its time and reason, and uses ever change.

    `record` is the encrypted canonical JSON of every frozen field; the columns beside it are what the gate asks at each use.
    """

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint("state in (" + ", ".join(f"'{state}'" for state in ConsentState) + ")", name="state"),
        CheckConstraint("max_uses is null or uses <= max_uses", name="uses"),
        Index("ix_consents_subject_index", "subject_index", "created_at"),
        Index("ix_consents_recipient", "client_id", "created_at"),
        Index("uq_consents_status", "status_list", "status_idx", unique=True),
        Index("ix_consents_dataset_id", "dataset_id", "state"),
        Index("ix_consents_chain_id", "chain_id", "consent_version"),
        Index("ix_consents_delegation_id", "delegation_id", postgresql_where=text("delegation_id is not null")),
        Index("ix_consents_live", "valid_until", postgresql_where=text("state in ('active', 'suspended')")),
    )

    consent_id: Mapped[UUID] = mapped_column(primary_key=True)
    consent_version: Mapped[int]
    chain_id: Mapped[UUID]
    request: Mapped[UUID] = mapped_column(ForeignKey("consent_requests.id"))
    item_id: Mapped[str]
    subject: Mapped[bytes]
    subject_index: Mapped[bytes]
    client_id: Mapped[str]
    org_id: Mapped[str]
    source_org_id: Mapped[str]
    dataset_id: Mapped[str]
    dataset_version: Mapped[int]
    purpose_id: Mapped[str]
    purpose_version: Mapped[int]
    agreement_id: Mapped[str]
    agreement_version: Mapped[int]
    granted_fields: Mapped[list[str]]
    mode: Mapped[str]
    max_uses: Mapped[int | None]
    frequency: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    procedure_code: Mapped[str | None]
    case_index: Mapped[bytes | None]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    record: Mapped[bytes]
    snapshot_sha256: Mapped[str]
    shown_sha256: Mapped[str]
    evidence: Mapped[bytes]
    created_at: Mapped[datetime]
    state: Mapped[str]
    state_since: Mapped[datetime]
    state_reason: Mapped[str | None]
    uses: Mapped[int] = mapped_column(default=0)
    status_list: Mapped[int | None]
    status_idx: Mapped[int | None]
    is_sensitive: Mapped[bool] = mapped_column(default=False, server_default=false())
    delegation_id: Mapped[UUID | None]
    confirm_by: Mapped[datetime | None]
    """Until when somebody who turned 18 confirms what a parent gave for her; after it the consent does not hold (D3)."""

    def state_at(self, now: datetime) -> str:
        """Return the state judged against the clock (S1, D3)."""
        if self.state in LIVE_STATES and self.confirm_by is not None and now >= self.confirm_by:
            return ConsentState.INVALIDATED
        return ConsentState.EXPIRED if self.state in LIVE_STATES and now >= self.valid_until else self.state


class ConsentEvent(Base):
    """One step of a consent's life; `hash` is SHA-256 of the one before and this event's canonical JSON."""

    __tablename__ = "consent_events"
    __table_args__ = (Index("ix_consent_events_consent_id", "consent_id", "event_id"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(ForeignKey("consents.consent_id"))
    type: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[str]
    delegation_id: Mapped[UUID | None]
    reason_code: Mapped[str | None]
    channel: Mapped[str]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]
    log_entry_id: Mapped[UUID | None]
    log_leaf: Mapped[bytes | None]


def find_consent(session: Session, consent_id: UUID, *, lock: bool = False) -> Consent | None:
    """Return a consent; `lock` keeps others from changing it until the end of the transaction."""
    statement = select(Consent).where(Consent.consent_id == consent_id)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def chain_of(session: Session, chain_id: UUID, *, lock: bool = False) -> list[Consent]:
    """Return the consents of one matter, the newest last."""
    statement = select(Consent).where(Consent.chain_id == chain_id).order_by(Consent.consent_version)
    return list(session.scalars(statement.with_for_update() if lock else statement))


def consents_of(session: Session, subject_index: bytes) -> list[Consent]:
    """Return a person's consents, newest first."""
    return list(session.scalars(select(Consent).where(Consent.subject_index == subject_index).order_by(Consent.created_at.desc())))


def last_event(session: Session, consent_id: UUID) -> ConsentEvent | None:
    """Return the newest event of a consent."""
    statement = select(ConsentEvent).where(ConsentEvent.consent_id == consent_id).order_by(ConsentEvent.event_id.desc()).limit(1)
    return session.scalars(statement).one_or_none()


def events_of(session: Session, consent_id: UUID) -> list[ConsentEvent]:
    """Return the events of a consent, oldest first."""
    return list(session.scalars(select(ConsentEvent).where(ConsentEvent.consent_id == consent_id).order_by(ConsentEvent.event_id)))


def active_consent_for(
    session: Session,
    *,
    subject_index: bytes,
    client_id: str,
    dataset_id: str,
    purpose_id: str,
    case_index: bytes | None,
    lock: bool = False,
) -> Consent | None:
    """Return the newest active consent of the same matter: same person, recipient, dataset, purpose and case."""
    statement = select(Consent).where(
        Consent.subject_index == subject_index,
        Consent.client_id == client_id,
        Consent.dataset_id == dataset_id,
        Consent.purpose_id == purpose_id,
        Consent.case_index.is_not_distinct_from(case_index),
        Consent.state == ConsentState.ACTIVE,
    )
    statement = statement.order_by(Consent.created_at.desc()).limit(1)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()
