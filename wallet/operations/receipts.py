"""Receipts: what a person decided and what became of it, as a document she keeps.  Spec: wallet contract §3.1.

A receipt is made of the frozen record and of the events up to one of them, so it can be had again at any time and says the same.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import ReceiptNotFound
from wallet.events import Event
from wallet.models.consent import Consent, ConsentEvent, events_of
from wallet.models.consent_request import ConsentRequest, ConsentRequestItem
from wallet.models.delegation import find_delegation
from wallet.operations.keys import signing_key
from wallet.operations.presence import Presence
from wallet.standards import signing
from wallet.standards.canonical import Json
from wallet.standards.consent_record import Frozen, deciders
from wallet.standards.receipt import TYP, Step, receipt

USED = Event.CONSENT_USED.rpartition(":")[2]


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """One receipt: the document, the record that it is about, and where it stands in the log."""

    receipt_id: UUID
    kind: str
    at: datetime
    document: dict[str, Json]
    frozen: Frozen
    log_entry_id: UUID | None
    log_leaf: bytes | None
    holder: str


def get_receipt(wallet: Wallet, presence: Presence, receipt_id: UUID) -> Receipt:
    """Return a person's receipt of a grant, a refusal, a withdrawal or another end.  Raises: ReceiptNotFound."""
    with wallet.reading() as tx:
        found = _of_event(wallet, tx.session, presence, receipt_id) or _of_refusal(wallet, tx.session, presence, receipt_id)
    if found is None:
        raise ReceiptNotFound(gettext_noop("You have no receipt with this number."))
    return found


def signed(wallet: Wallet, found: Receipt) -> str:
    """Return a receipt as a compact JWS."""
    payload: dict[str, object] = {
        "iss": wallet.settings.public_url,
        "iat": int(found.at.timestamp()),
        "jti": str(found.receipt_id),
        "sub": found.holder,
        "receipt": found.document,
    }
    if found.log_entry_id is not None and found.log_leaf is not None:
        payload["log"] = {"entry_id": str(found.log_entry_id), "leaf_hash": found.log_leaf.hex()}
    return signing.sign(payload, key=signing_key(wallet, "receipt"), typ=TYP)


def _of_event(wallet: Wallet, session: Session, presence: Presence, receipt_id: UUID) -> Receipt | None:
    event = session.get(ConsentEvent, receipt_id)
    consent = session.get(Consent, event.consent_id) if event else None
    if event is None or consent is None or event.type == USED or consent.subject_index != wallet.subject_index(presence.subject):
        return None
    if not presence.covers(consent.dataset_id, consent.purpose_id, consent.procedure_code):
        return None
    history = [one for one in events_of(session, consent.consent_id) if one.event_id <= event.event_id and one.type != USED]
    frozen: Frozen = json.loads(wallet.cipher.decrypt(consent.record, scope=wallet.subject_scope(consent.subject_index)))
    names = _delegates(wallet, session, history) | _deciders(session, consent, history[0], frozen)
    is_renewal = consent.consent_version > 1
    steps = [
        Step(type=one.type, at=one.at, by=one.actor_kind, is_renewal=is_renewal, delegates=names.get(one.event_id, ())) for one in history
    ]
    return _make(wallet, presence, receipt_id, steps=steps, frozen=frozen, log=(event.log_entry_id, event.log_leaf))


def _delegates(wallet: Wallet, session: Session, history: list[ConsentEvent]) -> dict[UUID, tuple[str, ...]]:
    """Return by event the name of who acted for the person: a receipt names both (D6)."""
    names: dict[UUID, tuple[str, ...]] = {}
    for event in history:
        row = find_delegation(session, event.delegation_id) if event.delegation_id else None
        if row is not None and row.delegate_name is not None:
            names[event.event_id] = (wallet.cipher.decrypt(row.delegate_name, scope=wallet.subject_scope(row.delegate_index)),)
    return names


def _deciders(session: Session, consent: Consent, first: ConsentEvent, frozen: Frozen) -> dict[UUID, tuple[str, ...]]:
    """Return the names of all who gave a consent together; one that was narrowed since was narrowed by one of them (D6)."""
    item = session.get(ConsentRequestItem, (consent.request, consent.item_id))
    is_as_given = item is not None and item.consent_id == consent.consent_id
    together = deciders(frozen)
    return {first.event_id: tuple(together)} if is_as_given and together else {}


def _of_refusal(wallet: Wallet, session: Session, presence: Presence, receipt_id: UUID) -> Receipt | None:
    statement = select(ConsentRequestItem, ConsentRequest).join(ConsentRequest, ConsentRequest.id == ConsentRequestItem.request)
    row = session.execute(statement.where(ConsentRequestItem.receipt_id == receipt_id)).one_or_none()
    if row is None:
        return None
    item, asked = row
    if asked.subject_index != wallet.subject_index(presence.subject) or item.refused_offer is None or item.decided_at is None:
        return None
    if not presence.covers(item.dataset_id, item.purpose_id, item.procedure_code):
        return None
    frozen: Frozen = json.loads(wallet.cipher.decrypt(item.refused_offer, scope=wallet.subject_scope(asked.subject_index)))
    who = frozen.get("decided_by")
    by = str(who["kind"]) if isinstance(who, dict) else "principal"
    steps = [Step(type="refused", at=item.decided_at, by=by, delegates=tuple(deciders(frozen)))]
    return _make(wallet, presence, receipt_id, steps=steps, frozen=frozen, log=(item.log_entry_id, item.log_leaf))


def _make(
    wallet: Wallet, presence: Presence, receipt_id: UUID, *, steps: list[Step], frozen: Frozen, log: tuple[UUID | None, bytes | None]
) -> Receipt:
    holder = wallet.cipher.blind_index(presence.subject, purpose="wallet-holder").hex()[:32]
    issuer = wallet.settings.public_url
    law = wallet.settings.applicable_law
    document = receipt(frozen, steps, receipt_id=str(receipt_id), issuer=issuer, holder=holder, law=law)
    return Receipt(
        receipt_id=receipt_id,
        kind=steps[-1].type,
        at=steps[-1].at,
        document=document,
        frozen=frozen,
        log_entry_id=log[0],
        log_leaf=log[1],
        holder=holder,
    )
