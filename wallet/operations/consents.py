"""Consents after the grant: look, use, withdraw, expire.

Every move is one transaction with its event and its audit row.  Spec: wallet contract §4.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.context import Transaction
from wallet.context import Wallet
from wallet.errors import ConsentNotFound
from wallet.events import Event
from wallet.models.consent import (
    CONSENT_STATES,
    LIVE_STATES,
    USED_UP,
    Consent,
    ConsentEvent,
    ConsentState,
    consents_of,
    find_consent,
    last_event,
)
from wallet.models.dataset import find_dataset
from wallet.operations.moves import legal
from wallet.operations.presence import Presence
from wallet.standards.canonical import FIRST_PREVIOUS, Json, chained_hash
from wallet.standards.consent_record import Frozen, instant

EXPIRE_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who moved a consent."""

    kind: str
    id: str
    channel: str = "api"


@dataclass(frozen=True)
class EventView:
    """One step in the life of a consent, as the person sees it."""

    type: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ConsentView:
    """One consent as the person sees it; `record` is the snapshot of what she saw and decided."""

    consent_id: UUID
    state: str
    state_since: datetime
    created_at: datetime
    valid_until: datetime
    uses: int
    snapshot_sha256: str
    record: Frozen
    events: tuple[EventView, ...]
    flows_until: datetime
    """The latest moment at which data could still flow if it were withdrawn now, or since it was (S4)."""

    @property
    def is_live(self) -> bool:
        """True while it can be withdrawn."""
        return self.state in LIVE_STATES


@dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal came to; the same on every repeat."""

    consent_id: UUID
    state: str
    withdrawn_at: datetime
    effective_at: datetime


def list_consents(wallet: Wallet, presence: Presence) -> list[ConsentView]:
    """Return a person's consents, newest first."""
    with wallet.reading() as tx:
        return [_view(wallet, tx.session, consent) for consent in consents_of(tx.session, wallet.subject_index(presence.subject))]


def get_consent(wallet: Wallet, presence: Presence, consent_id: UUID) -> ConsentView:
    """Return one of a person's consents.  Raises: ConsentNotFound, also for another person's."""
    with wallet.reading() as tx:
        return _view(wallet, tx.session, _own(wallet, tx.session, presence, consent_id, lock=False))


def withdraw(wallet: Wallet, presence: Presence, consent_id: UUID) -> Withdrawal:
    """End a consent, with no reason asked; again gives the same answer and no second event (S2).

    A release that is under way is either in the log before this commits, or refused (S3: both lock the row).
    Raises: ConsentNotFound, IllegalTransition when it ended in another way.
    """
    with wallet.transaction() as tx:
        consent = _own(wallet, tx.session, presence, consent_id, lock=True)
        if consent.state != ConsentState.WITHDRAWN:
            actor = Actor(kind="principal", id=presence.actor, channel="web")
            move(wallet, tx, consent, ConsentState.WITHDRAWN, actor=actor, subject=presence.subject)
        return Withdrawal(consent_id, consent.state, consent.state_since, _flows_until(wallet, tx.session, consent, consent.state_since))


def count_use(wallet: Wallet, tx: Transaction, consent: Consent, *, actor: Actor, subject: str) -> None:
    """Count one release of a locked consent; with the last one it expires in the same transaction."""
    move(wallet, tx, consent, ConsentState.ACTIVE, actor=actor, subject=subject)
    consent.uses += 1
    if consent.max_uses is not None and consent.uses >= consent.max_uses:
        system = Actor(kind="system", id="system:gate")
        move(wallet, tx, consent, ConsentState.EXPIRED, actor=system, subject=subject, reason_code=USED_UP)


def expire_consents(wallet: Wallet) -> int:
    """Write `expired` on what the clock has ended already; return how many.  Nothing depends on it (S1)."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        statement = select(Consent).where(Consent.state.in_(LIVE_STATES), Consent.valid_until <= now).limit(EXPIRE_BATCH)
        found = tx.session.scalars(statement.with_for_update(skip_locked=True)).all()
        for consent in found:
            subject = wallet.cipher.decrypt(consent.subject, scope=wallet.subject_scope(consent.subject_index))
            system = Actor(kind="system", id="system:clock")
            move(wallet, tx, consent, ConsentState.EXPIRED, actor=system, subject=subject, reason_code="time")
        return len(found)


def open_chain(wallet: Wallet, tx: Transaction, consent: Consent, *, actor: Actor, subject: str) -> None:
    """Write the first event of a new consent."""
    _append(wallet, tx, consent, Event.CONSENT_GRANTED, present=None, target=ConsentState.ACTIVE, actor=actor, reason_code=None)
    _record(tx, consent, Event.CONSENT_GRANTED, actor=actor, subject=subject, reason_code=None)


def move(
    wallet: Wallet, tx: Transaction, consent: Consent, target: ConsentState, *, actor: Actor, subject: str, reason_code: str | None = None
) -> None:
    """Move a locked consent by its table, with an event and an audit row.  Raises: IllegalTransition."""
    present = ConsentState(consent.state)
    action = legal(CONSENT_STATES, present, target)
    if target != present:
        consent.state, consent.state_since, consent.state_reason = target, wallet.clock.now(), reason_code
    _append(wallet, tx, consent, action, present=present, target=target, actor=actor, reason_code=reason_code)
    _record(tx, consent, action, actor=actor, subject=subject, reason_code=reason_code)


def _record(tx: Transaction, consent: Consent, action: Event, *, actor: Actor, subject: str, reason_code: str | None) -> None:
    event = last_event(tx.session, consent.consent_id)
    data: dict[str, str | int | bool | list[str]] = {"event_hash": event.hash.hex() if event else "", "version": consent.consent_version}
    if reason_code:
        data["reason"] = reason_code
    tx.record(
        action,
        actor=actor.id,
        subject=subject,
        object_id=str(consent.consent_id),
        purpose=consent.purpose_id,
        channel=actor.channel,
        data=data,
    )


def _append(
    wallet: Wallet,
    tx: Transaction,
    consent: Consent,
    action: Event,
    *,
    present: ConsentState | None,
    target: ConsentState,
    actor: Actor,
    reason_code: str | None,
) -> None:
    before = last_event(tx.session, consent.consent_id)
    previous = before.hash if before else FIRST_PREVIOUS
    now, event_id = wallet.clock.now(), wallet.ids.uuid7()
    verb = action.rpartition(":")[2]
    body: dict[str, Json] = {
        "event_id": str(event_id),
        "consent_id": str(consent.consent_id),
        "type": verb,
        "from_state": present,
        "to_state": target,
        "at": instant(now),
        "actor": {"kind": actor.kind, "id": actor.id},
        "reason_code": reason_code,
        "channel": actor.channel,
        "prev_hash": previous.hex(),
    }
    event = ConsentEvent(event_id=event_id, consent_id=consent.consent_id, type=verb, from_state=present, to_state=target, at=now)
    event.actor_kind, event.actor_id, event.reason_code, event.channel = actor.kind, actor.id, reason_code, actor.channel
    event.prev_hash, event.hash = previous, chained_hash(previous, body)
    tx.session.add(event)
    tx.session.flush()


def _own(wallet: Wallet, session: Session, presence: Presence, consent_id: UUID, *, lock: bool) -> Consent:
    consent = find_consent(session, consent_id, lock=lock)
    if consent is None or consent.subject_index != wallet.subject_index(presence.subject):
        raise ConsentNotFound("You have no consent with this number.")
    return consent


def _flows_until(wallet: Wallet, session: Session, consent: Consent, moment: datetime) -> datetime:
    """Return the latest moment at which data can still flow after a withdrawal at `moment` (S4)."""
    dataset = find_dataset(session, consent.dataset_id, consent.dataset_version)
    cached = dataset.cache_max_seconds if dataset else 0
    return moment + timedelta(seconds=max(wallet.settings.consent_token_ttl_seconds, cached))


def _view(wallet: Wallet, session: Session, consent: Consent) -> ConsentView:
    now = wallet.clock.now()
    steps = session.scalars(select(ConsentEvent).where(ConsentEvent.consent_id == consent.consent_id).order_by(ConsentEvent.event_id))
    ended = consent.state == ConsentState.WITHDRAWN
    return ConsentView(
        consent_id=consent.consent_id,
        state=consent.state_at(now),
        state_since=consent.state_since,
        created_at=consent.created_at,
        valid_until=consent.valid_until,
        uses=consent.uses,
        snapshot_sha256=consent.snapshot_sha256,
        record=json.loads(wallet.cipher.decrypt(consent.record, scope=wallet.subject_scope(consent.subject_index))),
        events=tuple(EventView(step.type, step.at) for step in steps),
        flows_until=_flows_until(wallet, session, consent, consent.state_since if ended else now),
    )
