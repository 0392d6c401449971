"""Moves of a consent: each one transaction with its event, its audit row and what follows from it.  Spec: wallet contract §4, §11."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from shared.audit.entries import Entry
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.events import Event
from wallet.models.agreement import find_agreement
from wallet.models.consent import CONSENT_STATES, LIVE_STATES, USED_UP, Consent, ConsentEvent, ConsentState, last_event
from wallet.models.consent_request import OPEN_STATES, REQUEST_STATES, ConsentRequest, ConsentRequestItem, RequestState
from wallet.models.dataset import find_dataset
from wallet.models.erasure import Erasure, ErasureState
from wallet.models.person_notice import NoticeKind
from wallet.models.status_list import StatusList
from wallet.operations.moves import legal
from wallet.operations.presence import Presence
from wallet.standards.canonical import FIRST_PREVIOUS, Json, chained_hash
from wallet.standards.consent_record import instant

EXPIRE_BATCH = 500
RECEIPTS = frozenset(
    {Event.CONSENT_GRANTED, Event.CONSENT_WITHDRAWN, Event.CONSENT_REVOKED, Event.CONSENT_EXPIRED, Event.CONSENT_DEPENDENCY_LOST}
)
"""Events whose receipt is sent to the person besides (§3.1); a renewal's is that of the newer permission."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who moved a consent: `kind` is principal, delegate, authority, provider, recipient or system."""

    kind: str
    id: str
    channel: str = "api"
    delegation_id: UUID | None = None
    together: tuple[UUID, ...] = ()
    """The delegations of those who decided with him; the log names them, and the record their people (D6)."""

    @property
    def on_behalf_of(self) -> str | None:
        """By which delegation, as the log names it."""
        return f"delegation:{self.delegation_id}" if self.delegation_id else None


def actor_of(presence: Presence) -> Actor:
    """Return who sits before the page as who moves a consent: the person herself, or her delegate."""
    acting = presence.acting
    kind = "delegate" if acting else "principal"
    return Actor(kind=kind, id=presence.actor, channel="web", delegation_id=acting.delegation_id if acting else None)


SYSTEM_CLOCK = Actor(kind="system", id="system:clock")


def count_use(wallet: Wallet, tx: Transaction, consent: Consent, *, actor: Actor, subject: str) -> None:
    """Count one release of a locked consent; with the last one it expires in the same transaction."""
    move(wallet, tx, consent, ConsentState.ACTIVE, actor=actor, subject=subject)
    consent.uses += 1
    if consent.max_uses is not None and consent.uses >= consent.max_uses:
        system = Actor(kind="system", id="system:gate")
        move(wallet, tx, consent, ConsentState.EXPIRED, actor=system, subject=subject, reason_code=USED_UP)


def open_chain(wallet: Wallet, tx: Transaction, consent: Consent, *, actor: Actor, subject: str) -> None:
    """Write the first event of a new consent."""
    _append(wallet, tx, consent, Event.CONSENT_GRANTED, present=None, actor=actor, subject=subject, reason_code=None)
    announce(tx, consent, "granted", previous=None)


def move(
    wallet: Wallet, tx: Transaction, consent: Consent, target: ConsentState, *, actor: Actor, subject: str, reason_code: str | None = None
) -> None:
    """Move a locked consent by its table, with an event, an audit row and what follows.  Raises: IllegalTransition."""
    present = ConsentState(consent.state)
    action = legal(CONSENT_STATES, present, target)
    if target != present:
        consent.state, consent.state_since, consent.state_reason = target, wallet.clock.now(), reason_code
    _append(wallet, tx, consent, action, present=present, actor=actor, subject=subject, reason_code=reason_code)
    if target == present:
        return
    _make_stale(tx.session, consent)
    if target not in LIVE_STATES:
        _open_erasure(wallet, tx.session, consent)
    announce(tx, consent, action.rpartition(":")[2], previous=present)


def confirm(wallet: Wallet, tx: Transaction, consent: Consent, *, actor: Actor, subject: str) -> None:
    """Let a person of age keep what a parent gave for her (D3)."""
    consent.confirm_by = None
    present = ConsentState(consent.state)
    _append(wallet, tx, consent, Event.CONSENT_CONFIRMED, present=present, actor=actor, subject=subject, reason_code=None)


def announce(tx: Transaction, consent: Consent, verb: str, *, previous: ConsentState | None) -> None:
    """Have recipient, provider and person told after the commit."""
    payload = {"consent_id": str(consent.consent_id), "verb": verb, "previous": previous, "current": consent.state}
    tx.enqueue("announce_consent", payload)


def expire_consents(wallet: Wallet) -> int:
    """Write `expired` on what the clock has ended already; return how many.  Nothing depends on it (S1)."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        statement = select(Consent).where(Consent.state.in_(LIVE_STATES), Consent.valid_until <= now).limit(EXPIRE_BATCH)
        found = tx.session.scalars(statement.with_for_update(skip_locked=True)).all()
        for consent in found:
            move(
                wallet,
                tx,
                consent,
                ConsentState.EXPIRED,
                actor=SYSTEM_CLOCK,
                subject=subject_of(wallet, consent),
                reason_code="time",
            )
        return len(found)


def end_all(
    wallet: Wallet, tx: Transaction, condition: ColumnElement[bool], *, target: ConsentState, actor: Actor, reason_code: str
) -> int:
    """End every live consent that fits a condition (R2, D9, a purged account); return how many."""
    statement = select(Consent).where(Consent.state.in_(LIVE_STATES), condition).order_by(Consent.consent_id)
    found = tx.session.scalars(statement.with_for_update()).all()
    for consent in found:
        move(wallet, tx, consent, target, actor=actor, subject=subject_of(wallet, consent), reason_code=reason_code)
    return len(found)


def drop_requests(wallet: Wallet, tx: Transaction, condition: ColumnElement[bool], *, actor: str, reason_code: str) -> int:
    """Invalidate every undecided item that fits a condition; return how many."""
    statement = select(ConsentRequestItem).join(ConsentRequest, ConsentRequest.id == ConsentRequestItem.request)
    items = tx.session.scalars(statement.where(ConsentRequestItem.state.in_(OPEN_STATES), condition).with_for_update()).all()
    for item in items:
        action = legal(REQUEST_STATES, RequestState(item.state), RequestState.INVALIDATED)
        item.state, item.decided_at, item.version = RequestState.INVALIDATED, wallet.clock.now(), item.version + 1
        tx.record(action, actor=actor, object_id=str(item.request), data={"item": item.item_id, "reason": reason_code})
    return len(items)


def subject_of(wallet: Wallet, consent: Consent) -> str:
    """Return the person of a consent as the log names her."""
    return wallet.cipher.decrypt(consent.subject, scope=wallet.subject_scope(consent.subject_index))


def flows_until(wallet: Wallet, session: Session, consent: Consent, moment: datetime) -> datetime:
    """Return the latest moment at which data can still flow after a withdrawal at `moment` (S4)."""
    dataset = find_dataset(session, consent.dataset_id, consent.dataset_version)
    cached = dataset.cache_max_seconds if dataset else 0
    lists = 0 if consent.is_sensitive else wallet.settings.status_list_ttl_seconds
    return moment + timedelta(seconds=max(wallet.settings.consent_token_ttl_seconds, cached, lists))


def stale_lists(session: Session, numbers: Iterable[int]) -> None:
    """Say that a state in these lists changed since they were signed."""
    session.execute(update(StatusList).where(StatusList.number.in_(list(numbers))).values(is_stale=True))


def _make_stale(session: Session, consent: Consent) -> None:
    if consent.status_list is not None:
        stale_lists(session, [consent.status_list])


def _open_erasure(wallet: Wallet, session: Session, consent: Consent) -> None:
    """Leave the recipient a task, where the agreement says that data are erased when the consent ends (X6)."""
    if consent.mode != "store" or consent.uses == 0 or session.get(Erasure, consent.consent_id) is not None:
        return
    agreement = find_agreement(session, consent.agreement_id, consent.agreement_version)
    if agreement is None or agreement.retention.get("erase_on_withdrawal") is not True:
        return
    now = wallet.clock.now()
    task = Erasure(
        consent_id=consent.consent_id, client_id=consent.client_id, org_id=consent.org_id, opened_at=now, state=ErasureState.OPEN
    )
    task.due_at = now + timedelta(days=wallet.settings.erasure_days)
    session.add(task)


def _append(
    wallet: Wallet,
    tx: Transaction,
    consent: Consent,
    action: Event,
    *,
    present: ConsentState | None,
    actor: Actor,
    subject: str,
    reason_code: str | None,
) -> None:
    """Add the next event of the chain, and the audit row that holds its hash."""
    before = last_event(tx.session, consent.consent_id)
    previous = before.hash if before else FIRST_PREVIOUS
    now, event_id = wallet.clock.now(), wallet.ids.uuid7()
    verb = action.rpartition(":")[2]
    body: dict[str, Json] = {
        "event_id": str(event_id),
        "consent_id": str(consent.consent_id),
        "type": verb,
        "from_state": present,
        "to_state": consent.state,
        "at": instant(now),
        "actor": {"kind": actor.kind, "id": actor.id, **({"delegation": str(actor.delegation_id)} if actor.delegation_id else {})},
        "reason_code": reason_code,
        "channel": actor.channel,
        "prev_hash": previous.hex(),
    }
    event = ConsentEvent(event_id=event_id, consent_id=consent.consent_id, type=verb, from_state=present, to_state=consent.state, at=now)
    event.actor_kind, event.actor_id, event.reason_code, event.channel = actor.kind, actor.id, reason_code, actor.channel
    event.delegation_id = actor.delegation_id
    event.prev_hash, event.hash = previous, chained_hash(previous, body)
    entry = _record(tx, consent, action, event_hash=event.hash, actor=actor, subject=subject, reason_code=reason_code)
    if actor.delegation_id is not None:
        tx.enqueue("notify_person", {"kind": NoticeKind.DELEGATE_ACTED, "id": str(actor.delegation_id)})
    elif action in RECEIPTS and reason_code != USED_UP:
        tx.enqueue("notify_person", {"kind": NoticeKind.RECEIPT, "id": str(event_id)})
    event.log_entry_id, event.log_leaf = entry.entry_id, entry.leaf_hash
    tx.session.add(event)
    tx.session.flush()


def _record(
    tx: Transaction, consent: Consent, action: Event, *, event_hash: bytes, actor: Actor, subject: str, reason_code: str | None
) -> Entry:
    data: dict[str, str | int | bool | list[str]] = {"event_hash": event_hash.hex(), "version": consent.consent_version}
    if reason_code:
        data["reason"] = reason_code
    if actor.together:
        data["together"] = [f"delegation:{one}" for one in actor.together]
    return tx.record(
        action,
        actor=actor.id,
        subject=subject,
        on_behalf_of=actor.on_behalf_of,
        object_id=str(consent.consent_id),
        purpose=consent.purpose_id,
        channel=actor.channel,
        data=data,
    )
