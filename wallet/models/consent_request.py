"""Consent requests: what a body asks a person to decide.  Spec: wallet contract §4, §5.4."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.states import Table
from wallet.events import Event
from wallet.models.base import Base


class RequestState(StrEnum):
    """Where one item of a request stands."""

    PENDING = "pending"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"


S = RequestState
OPEN_STATES = (S.PENDING, S.DEFERRED)
REQUEST_STATES: Table[RequestState, Event] = Table(
    "request",
    initial=frozenset({S.PENDING}),
    moves={(S.PENDING, S.DEFERRED): Event.REQUEST_DEFERRED}
    | {(state, S.ACCEPTED): Event.REQUEST_GRANTED for state in OPEN_STATES}
    | {(state, S.REFUSED): Event.REQUEST_REFUSED for state in OPEN_STATES}
    | {(state, S.CANCELLED): Event.REQUEST_CANCELLED for state in OPEN_STATES}
    | {(state, S.EXPIRED): Event.REQUEST_LAPSED for state in OPEN_STATES}
    | {(state, S.INVALIDATED): Event.REQUEST_DEPENDENCY_LOST for state in OPEN_STATES},
)


class ConsentRequest(Base):
    """One call of a recipient; `request_id` is the client's own, unique only beside its `client_id`."""

    __tablename__ = "consent_requests"
    __table_args__ = (
        UniqueConstraint("client_id", "request_id"),
        Index("ix_consent_requests_subject_index", "subject_index", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID]
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    org_id: Mapped[str] = mapped_column(ForeignKey("organisations.org_id"))
    subject: Mapped[bytes]
    subject_index: Mapped[bytes]
    body_sha256: Mapped[str]
    redirect_uri: Mapped[str]
    state_parameter: Mapped[str | None]
    message: Mapped[dict[str, str]]
    ui_locales: Mapped[list[str]]
    is_listed: Mapped[bool]
    view_code_sha256: Mapped[str] = mapped_column(unique=True)
    view_code: Mapped[bytes]
    opened_by: Mapped[str | None]
    required_delegator: Mapped[bytes | None]
    """Who alone may decide for a company or another person; None for anybody with the power."""
    is_flow: Mapped[bool] = mapped_column(default=False)
    """True when it began at identity's authorization endpoint, where the person goes back to (§12)."""
    replaces: Mapped[UUID | None]
    """The grant, a chain of consents, that a yes takes the place of."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ConsentRequestItem(Base):
    """One matter to decide: one dataset for one purpose; decided, stored and withdrawn on its own."""

    __tablename__ = "consent_request_items"
    __table_args__ = (
        CheckConstraint("state in (" + ", ".join(f"'{state}'" for state in RequestState) + ")", name="state"),
        CheckConstraint("(state = 'accepted') = (consent_id is not null)", name="consent_id"),
        Index("ix_consent_request_items_open", "expires_at", postgresql_where=text("state in ('pending', 'deferred')")),
        Index("ix_consent_request_items_matter", "matter_index", "state"),
    )

    request: Mapped[UUID] = mapped_column(ForeignKey("consent_requests.id"), primary_key=True)
    item_id: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str]
    dataset_version: Mapped[int]
    purpose_id: Mapped[str]
    purpose_version: Mapped[int]
    agreement_id: Mapped[str]
    agreement_version: Mapped[int]
    fields: Mapped[list[str]]
    optional_fields: Mapped[list[str]]
    mode: Mapped[str]
    fetch: Mapped[str]
    max_uses: Mapped[int | None]
    frequency: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    valid_until: Mapped[datetime]
    data_period: Mapped[dict[str, str] | None]
    procedure_code: Mapped[str | None]
    case_id: Mapped[bytes | None]
    matter_index: Mapped[bytes]
    state: Mapped[str]
    decided_at: Mapped[datetime | None]
    consent_id: Mapped[UUID | None]
    expires_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    receipt_id: Mapped[UUID | None] = mapped_column(unique=True)
    refused_offer: Mapped[bytes | None]
    log_entry_id: Mapped[UUID | None]
    log_leaf: Mapped[bytes | None]

    def state_at(self, now: datetime) -> str:
        """Return the state judged against the clock: the job that writes `expired` only tidies up (S1)."""
        return RequestState.EXPIRED if self.state in OPEN_STATES and now >= self.expires_at else self.state


def find_request(session: Session, client_id: str, request_id: UUID) -> ConsentRequest | None:
    """Return a client's own request."""
    return session.scalars(
        select(ConsentRequest).where(ConsentRequest.client_id == client_id, ConsentRequest.request_id == request_id)
    ).one_or_none()


def items_of(session: Session, request: UUID, *, lock: bool = False) -> list[ConsentRequestItem]:
    """Return the items of a request in their order."""
    statement = select(ConsentRequestItem).where(ConsentRequestItem.request == request).order_by(ConsentRequestItem.item_id)
    rows = list(session.scalars(statement.with_for_update() if lock else statement))
    return sorted(rows, key=lambda row: int(row.item_id))


def latest_refusal(session: Session, matter_index: bytes) -> datetime | None:
    """Return when the same matter was last refused."""
    statement = select(ConsentRequestItem.decided_at).where(
        ConsentRequestItem.matter_index == matter_index, ConsentRequestItem.state == RequestState.REFUSED
    )
    return session.scalars(statement.order_by(ConsentRequestItem.decided_at.desc()).limit(1)).one_or_none()
