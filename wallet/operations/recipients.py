"""What a recipient does with its consents: list, follow, give up, report erasure.  Spec: wallet contract §5.3, §5.4, X6."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from wallet.context import Wallet
from wallet.errors import ConsentNotFound, ErasureNotFound, IllegalTransition
from wallet.events import Event
from wallet.models.consent import Consent, ConsentEvent, ConsentState, find_consent
from wallet.models.erasure import Erasure, ErasureState, find_erasure
from wallet.operations.callers import find_body
from wallet.operations.consent_moves import Actor, move, subject_of

PAGE = 100
STATUS_IDS_MAX = 500
USED = Event.CONSENT_USED.rpartition(":")[2]


@dataclass(frozen=True, kw_only=True)
class Held:
    """A consent as its recipient sees it."""

    consent_id: UUID
    consent_version: int
    chain_id: UUID
    state: str
    state_since: datetime
    dataset_id: str
    purpose_id: str
    agreement_id: str
    fields: list[str]
    mode: str
    valid_from: datetime
    valid_until: datetime
    uses: int
    max_uses: int | None
    snapshot_sha256: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One event of a consent, as its recipient sees it: never who acted, nor why."""

    cursor: UUID
    consent_id: UUID
    consent_version: int
    type: str
    state: str
    at: datetime


def list_held(wallet: Wallet, client_id: str, *, after: UUID | None) -> tuple[list[Held], UUID | None]:
    """Return a page of a client's consents in the order of their grant, and the cursor of the next page."""
    now = wallet.clock.now()
    with wallet.reading() as tx:
        statement = select(Consent).where(Consent.client_id == client_id)
        if after is not None:
            mark = find_consent(tx.session, after)
            if mark is None or mark.client_id != client_id:
                raise ConsentNotFound("No consent of yours has the cursor's number.")
            later = or_(Consent.created_at > mark.created_at, and_(Consent.created_at == mark.created_at, Consent.consent_id > after))
            statement = statement.where(later)
        rows = list(tx.session.scalars(statement.order_by(Consent.created_at, Consent.consent_id).limit(PAGE + 1)))
    held = [_held(row, now) for row in rows[:PAGE]]
    return held, held[-1].consent_id if len(rows) > PAGE else None


def list_changes(wallet: Wallet, client_id: str, *, since: UUID | None) -> list[Change]:
    """Return at most a hundred changes of a client's consents after a cursor, oldest first; uses are not changes."""
    statement = select(ConsentEvent, Consent.consent_version).join(Consent, Consent.consent_id == ConsentEvent.consent_id)
    statement = statement.where(Consent.client_id == client_id, ConsentEvent.type != USED)
    if since is not None:
        statement = statement.where(ConsentEvent.event_id > since)
    with wallet.reading() as tx:
        rows = tx.session.execute(statement.order_by(ConsentEvent.event_id).limit(PAGE)).all()
    return [
        Change(
            cursor=event.event_id, consent_id=event.consent_id, consent_version=version, type=event.type, state=event.to_state, at=event.at
        )
        for event, version in rows
    ]


def terminate(wallet: Wallet, client_id: str, consent_id: UUID, *, reason_code: str) -> Held:
    """Give up one's right; the person is told the reason.  A second call gives the same answer.

    Raises: ConsentNotFound, IllegalTransition when it ended in another way.
    """
    with wallet.transaction() as tx:
        consent = _own(tx.session, client_id, consent_id)
        if consent.state != ConsentState.REVOKED:
            actor = Actor(kind="recipient", id=f"client:{client_id}")
            move(wallet, tx, consent, ConsentState.REVOKED, actor=actor, subject=subject_of(wallet, consent), reason_code=reason_code)
        return _held(consent, wallet.clock.now())


def finish_case(wallet: Wallet, client_id: str, consent_id: UUID) -> Held:
    """Say that the procedure is finished: the consent was given until then (L8).  Raises: ConsentNotFound, IllegalTransition."""
    with wallet.transaction() as tx:
        consent = _own(tx.session, client_id, consent_id)
        if consent.state_reason != "procedure_closed":
            actor = Actor(kind="recipient", id=f"client:{client_id}")
            subject = subject_of(wallet, consent)
            move(wallet, tx, consent, ConsentState.EXPIRED, actor=actor, subject=subject, reason_code="procedure_closed")
        return _held(consent, wallet.clock.now())


def report_erasure(wallet: Wallet, client_id: str, consent_id: UUID, *, erased_at: datetime | None, ground: str | None) -> Erasure:
    """Close the erasure task of a consent: the data are gone since `erased_at`, or kept by the law that `ground` names.

    Raises: ConsentNotFound, ErasureNotFound, IllegalTransition when something else was reported before.
    """
    state = ErasureState.ERASED if ground is None else ErasureState.KEPT
    with wallet.transaction() as tx:
        consent = _own(tx.session, client_id, consent_id)
        task = find_erasure(tx.session, consent_id)
        if task is None:
            raise ErasureNotFound("Nothing of this consent is to be erased.")
        if task.state == ErasureState.OPEN:
            task.state, task.ground, task.closed_at = state, ground, erased_at or wallet.clock.now()
            data: dict[str, str | int | bool | list[str]] = {"state": str(state), **({"ground": ground} if ground else {})}
            subject = subject_of(wallet, consent)
            tx.record(Event.ERASURE_REPORTED, actor=f"client:{client_id}", subject=subject, object_id=str(consent_id), data=data)
        elif task.state != state:
            raise IllegalTransition("Another outcome was reported before.", state=task.state)
        return task


def states_of(wallet: Wallet, client_id: str, consent_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the states of those of these consents that are the caller's: as recipient, or as provider of the dataset."""
    now = wallet.clock.now()
    with wallet.reading() as tx:
        body = find_body(tx.session, client_id)
        mine = or_(Consent.client_id == client_id, Consent.source_org_id == body.organisation.org_id)
        if "provider" not in body.client.roles:
            mine = Consent.client_id == client_id
        rows = tx.session.scalars(select(Consent).where(Consent.consent_id.in_(consent_ids), mine))
        return {row.consent_id: row.state_at(now) for row in rows}


def _own(session: Session, client_id: str, consent_id: UUID) -> Consent:
    consent = find_consent(session, consent_id, lock=True)
    if consent is None or consent.client_id != client_id:
        raise ConsentNotFound("No consent of yours has this number.")
    return consent


def _held(consent: Consent, now: datetime) -> Held:
    return Held(
        consent_id=consent.consent_id,
        consent_version=consent.consent_version,
        chain_id=consent.chain_id,
        state=consent.state_at(now),
        state_since=consent.state_since,
        dataset_id=consent.dataset_id,
        purpose_id=consent.purpose_id,
        agreement_id=consent.agreement_id,
        fields=consent.granted_fields,
        mode=consent.mode,
        valid_from=consent.valid_from,
        valid_until=consent.valid_until,
        uses=consent.uses,
        max_uses=consent.max_uses,
        snapshot_sha256=consent.snapshot_sha256,
    )
