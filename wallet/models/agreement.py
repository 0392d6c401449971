"""Agreements between bodies: who may ask whom for what, signed by both.  Spec: wallet contract §9."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.states import Table
from wallet.events import Event
from wallet.models.base import Base, Stamped
from wallet.standards.legal_basis import Ground, LegalBasis


class AgreementState(StrEnum):
    """Where an agreement stands."""

    DRAFT = "draft"
    LEGAL_REVIEW = "legal_review"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MEDIATION = "mediation"
    REJECTED_FINAL = "rejected_final"
    SIGNING = "signing"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


S = AgreementState
AGREEMENT_STATES: Table[AgreementState, Event] = Table(
    "agreement",
    initial=frozenset({S.DRAFT}),
    moves={
        (S.DRAFT, S.LEGAL_REVIEW): Event.AGREEMENT_REVIEWED,
        (S.LEGAL_REVIEW, S.SUBMITTED): Event.AGREEMENT_SUBMITTED,
        (S.SUBMITTED, S.ACCEPTED): Event.AGREEMENT_ACCEPTED,
        (S.SUBMITTED, S.REJECTED): Event.AGREEMENT_REJECTED,
        (S.SUBMITTED, S.MEDIATION): Event.AGREEMENT_IN_MEDIATION,
        (S.REJECTED, S.MEDIATION): Event.AGREEMENT_IN_MEDIATION,
        (S.MEDIATION, S.ACCEPTED): Event.AGREEMENT_ACCEPTED,
        (S.MEDIATION, S.REJECTED_FINAL): Event.AGREEMENT_REJECTED_FINALLY,
        (S.ACCEPTED, S.SIGNING): Event.AGREEMENT_PROPOSED,
        # The operator lays standing terms open for signing at once: both bodies still sign.
        (S.DRAFT, S.SIGNING): Event.AGREEMENT_PROPOSED,
        (S.SIGNING, S.ACTIVE): Event.AGREEMENT_SIGNED,
        (S.ACTIVE, S.SUSPENDED): Event.AGREEMENT_SUSPENDED,
        (S.SUSPENDED, S.ACTIVE): Event.AGREEMENT_RESUMED,
        (S.ACTIVE, S.TERMINATED): Event.AGREEMENT_TERMINATED,
        (S.SUSPENDED, S.TERMINATED): Event.AGREEMENT_TERMINATED,
        (S.ACTIVE, S.EXPIRED): Event.AGREEMENT_EXPIRED,
        (S.SUSPENDED, S.EXPIRED): Event.AGREEMENT_EXPIRED,
        (S.ACTIVE, S.SUPERSEDED): Event.AGREEMENT_SUPERSEDED,
    },
)


class Agreement(Stamped, Base):
    """One agreement in one version; its content is immutable once both have signed the same `sha256`."""

    __tablename__ = "agreements"
    __table_args__ = (
        CheckConstraint("state in (" + ", ".join(f"'{state}'" for state in AgreementState) + ")", name="state"),
        Index("uq_agreements_current", "agreement_id", unique=True, postgresql_where=text("state in ('active', 'suspended')")),
        Index("ix_agreements_consumer", "consumer", "provider"),
    )

    agreement_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    consumer: Mapped[str] = mapped_column(ForeignKey("organisations.org_id"))
    provider: Mapped[str] = mapped_column(ForeignKey("organisations.org_id"))
    datasets: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    purposes: Mapped[list[str]]
    legal_basis: Mapped[str]
    law_reference: Mapped[str | None]
    sensitive_article: Mapped[str | None]
    procedure_codes: Mapped[list[str]]
    kind: Mapped[str]
    volume: Mapped[dict[str, int]] = mapped_column(JSONB)
    limits: Mapped[dict[str, object]] = mapped_column(JSONB)
    consent_required: Mapped[bool]
    retention: Mapped[dict[str, object]] = mapped_column(JSONB)
    storage_locations: Mapped[list[str]]
    jurisdiction: Mapped[str]
    onward: Mapped[list[str]]
    conditions: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What both promise besides: service level, security, whom to call, audits, the assessment of impact."""
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    state: Mapped[str]
    sha256: Mapped[str]
    signatures: Mapped[dict[str, str]]
    template_id: Mapped[str | None]
    template_version: Mapped[int | None]
    due_at: Mapped[datetime | None]
    is_extended: Mapped[bool] = mapped_column(default=False, server_default=false())
    reason: Mapped[str | None]

    def fields_of(self, dataset_id: str) -> frozenset[str] | None:
        """Return the fields agreed of a dataset, or None when it is not in the agreement."""
        for entry in self.datasets:
            fields = entry.get("fields")
            if entry.get("dataset_id") == dataset_id and isinstance(fields, list):
                return frozenset(str(field) for field in fields)
        return None

    def dataset_ids(self) -> list[str]:
        """Return the ids of the datasets in it."""
        return [str(entry["dataset_id"]) for entry in self.datasets]

    def is_active(self, now: datetime) -> bool:
        """True while data may move under it, judged against the clock."""
        return self.state == AgreementState.ACTIVE and self.valid_from <= now < self.valid_until

    def ground(self) -> Ground:
        """Return why data may move under it without asking the person."""
        return Ground(LegalBasis(self.legal_basis), self.law_reference, self.sensitive_article, self.consent_required)


def find_agreement(session: Session, agreement_id: str, version: int | None = None) -> Agreement | None:
    """Return the named version, or without one the newest."""
    statement = select(Agreement).where(Agreement.agreement_id == agreement_id)
    if version is not None:
        statement = statement.where(Agreement.version == version)
    return session.scalars(statement.order_by(Agreement.version.desc()).limit(1)).one_or_none()


def current_agreement(session: Session, agreement_id: str) -> Agreement | None:
    """Return the version that both have signed and that is not over, active or suspended."""
    statement = select(Agreement).where(Agreement.agreement_id == agreement_id)
    return session.scalars(statement.where(Agreement.state.in_((AgreementState.ACTIVE, AgreementState.SUSPENDED)))).one_or_none()


def agreements_between(session: Session, consumer: str, provider: str) -> list[Agreement]:
    """Return every agreement of two bodies, whatever its state, oldest first."""
    statement = select(Agreement).where(Agreement.consumer == consumer, Agreement.provider == provider)
    return list(session.scalars(statement.order_by(Agreement.agreement_id, Agreement.version)))
