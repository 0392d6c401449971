"""A grant: the decision frozen as a consent, with its first event and its place in a status list.  Spec: wallet contract §3."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.transaction import Transaction
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import SnapshotChanged
from wallet.models.consent import Consent, ConsentState, chain_of, find_consent
from wallet.models.consent_request import ConsentRequest, ConsentRequestItem
from wallet.models.dataset import find_dataset
from wallet.models.delegation import Delegation
from wallet.operations.consent_moves import Actor, actor_of, move, open_chain
from wallet.operations.delegations import born_on_of, hold_power
from wallet.operations.joint_decisions import Yes, forget_uncounted
from wallet.operations.presence import Presence
from wallet.operations.status_lists import draw_entry, list_uri
from wallet.standards.acting import Kind, Power, confirm_by
from wallet.standards.canonical import Json, canonical, sha256_of
from wallet.standards.consent_record import Decision, Frozen, any_sensitive, granted_fields, granted_record, instant, narrowed
from wallet.standards.differences import Kind as Change


def grant_consent(
    wallet: Wallet,
    tx: Transaction,
    presence: Presence,
    row: ConsentRequest,
    item: ConsentRequestItem,
    *,
    offer: Frozen,
    optional: frozenset[str],
    others: Sequence[Yes] = (),
) -> UUID:
    """Freeze a decision as a consent and return its id; `others` said yes before, where several must decide together.

    Raises: SnapshotChanged where what it replaces was paused meanwhile.
    """
    before = _renewed(wallet, tx, offer) or _replaced(wallet, tx, row)
    if before is not None:
        presence.require(Power.RENEW, together=True)
    delegation = hold_power(wallet, tx.session, presence)
    decision = Decision(
        consent_id=str(wallet.ids.uuid4()),
        chain_id=str(before.chain_id if before else wallet.ids.uuid4()),
        decided_by=presence.actor,
        optional_granted=optional,
        valid_from=wallet.clock.now().replace(microsecond=0),
        consent_version=before.consent_version + 1 if before else 1,
        supersedes=str(before.consent_id) if before else None,
        delegation=delegation_words(presence),
        together=tuple(one.words() for one in others),
    )
    record = granted_record(offer, decision)
    number, index = draw_entry(wallet, tx.session)
    record["status_list"] = {"uri": list_uri(wallet, number), "idx": index}
    consent = _row(wallet, row, item, record=record, decision=decision)
    dataset = find_dataset(tx.session, item.dataset_id, item.dataset_version)
    consent.source_org_id = dataset.org_id if dataset else ""
    consent.status_list, consent.status_idx = number, index
    evidence: dict[str, Json] = {**presence.evidence(), **({"with": [one.evidence for one in others]} if others else {})}
    consent.evidence = wallet.cipher.encrypt(json.dumps(evidence), scope=wallet.subject_scope(row.subject_index))
    consent.delegation_id = delegation.delegation_id if delegation else None
    consent.confirm_by = _confirm_by(wallet, delegation)
    actor = replace(actor_of(presence), together=tuple(one.delegation_id for one in others))
    forget_uncounted(tx.session, item, others)
    if before is not None:
        move(wallet, tx, before, ConsentState.SUPERSEDED, actor=actor, subject=presence.subject, reason_code="renewed")
    tx.session.add(consent)
    tx.session.flush()
    open_chain(wallet, tx, consent, actor=actor, subject=presence.subject)
    return consent.consent_id


def delegation_words(presence: Presence) -> dict[str, Json] | None:
    """Return how a record names a delegate and for whom he acted; None for the person herself (D6)."""
    acting = presence.acting
    if acting is None:
        return None
    words: dict[str, Json] = {"delegation_id": str(acting.delegation_id), "delegation_kind": str(acting.kind)}
    return words | {"name": presence.name, "on_behalf_of": acting.name}


def _confirm_by(wallet: Wallet, delegation: Delegation | None) -> datetime | None:
    """Return until when a child who has turned 18 confirms what a parent gives now (D3)."""
    born_on = born_on_of(wallet, delegation) if delegation is not None and delegation.kind == Kind.PARENT else None
    return confirm_by(born_on, days=wallet.settings.majority_confirm_days) if born_on else None


def amend_consent(wallet: Wallet, tx: Transaction, before: Consent, *, keep: frozenset[str], actor: Actor, subject: str) -> UUID:
    """Put a narrower consent in the place of a locked one, in one transaction; return its id (§7)."""
    now, scope = wallet.clock.now(), wallet.subject_scope(before.subject_index)
    record: Frozen = json.loads(wallet.cipher.decrypt(before.record, scope=scope))
    number, index = draw_entry(wallet, tx.session)
    consent_id = wallet.ids.uuid4()
    record |= narrowed(record, keep)
    record |= {"consent_id": str(consent_id), "consent_version": before.consent_version + 1, "supersedes": str(before.consent_id)}
    record |= {"valid_from": instant(now), "status_list": {"uri": list_uri(wallet, number), "idx": index}}
    copied = {column.key: getattr(before, column.key) for column in Consent.__mapper__.column_attrs}
    changed: dict[str, object] = {"consent_id": consent_id, "consent_version": before.consent_version + 1, "granted_fields": sorted(keep)}
    changed |= {"valid_from": now.replace(microsecond=0), "record": wallet.cipher.encrypt(canonical(record).decode(), scope=scope)}
    changed |= {"snapshot_sha256": sha256_of(record), "created_at": now, "state_since": now, "status_list": number, "status_idx": index}
    consent = Consent(**{**copied, **changed, "is_sensitive": any_sensitive(record)})
    move(wallet, tx, before, ConsentState.SUPERSEDED, actor=actor, subject=subject, reason_code="amended")
    tx.session.add(consent)
    tx.session.flush()
    open_chain(wallet, tx, consent, actor=actor, subject=subject)
    return consent_id


def _renewed(wallet: Wallet, tx: Transaction, offer: Frozen) -> Consent | None:
    """Return the consent that this grant renews, locked; None where it is a new one (§7)."""
    changes = offer.get("changes")
    if not isinstance(changes, Mapping) or changes["kind"] != Change.RENEWAL:
        return None
    found = find_consent(tx.session, UUID(str(changes["consent_id"])), lock=True)
    return found if found is not None and found.state_at(wallet.clock.now()) == ConsentState.ACTIVE else None


def _replaced(wallet: Wallet, tx: Transaction, row: ConsentRequest) -> Consent | None:
    """Return the newest consent of the grant that the client asked to replace, locked, while it is in force (§12).

    Raises: SnapshotChanged where it is paused: beside a new one it could go on later, and be two.
    """
    chain = chain_of(tx.session, row.replaces, lock=True) if row.replaces else []
    state = chain[-1].state_at(wallet.clock.now()) if chain else None
    if state == ConsentState.SUSPENDED:
        raise SnapshotChanged(gettext_noop("The permission that this one would replace was paused."))
    return chain[-1] if state == ConsentState.ACTIVE else None


def _row(wallet: Wallet, row: ConsentRequest, item: ConsentRequestItem, *, record: Frozen, decision: Decision) -> Consent:
    """Return the consent with what the gate asks at each use, beside the sealed record."""
    now, scope = wallet.clock.now(), wallet.subject_scope(row.subject_index)
    case_id = wallet.cipher.decrypt(item.case_id, scope=scope) if item.case_id else None
    return Consent(
        consent_id=UUID(decision.consent_id),
        consent_version=decision.consent_version,
        chain_id=UUID(decision.chain_id),
        request=row.id,
        item_id=item.item_id,
        subject=row.subject,
        subject_index=row.subject_index,
        client_id=row.client_id,
        org_id=row.org_id,
        dataset_id=item.dataset_id,
        dataset_version=item.dataset_version,
        purpose_id=item.purpose_id,
        purpose_version=item.purpose_version,
        agreement_id=item.agreement_id,
        agreement_version=item.agreement_version,
        granted_fields=granted_fields(record),
        mode=item.mode,
        max_uses=item.max_uses,
        frequency=item.frequency,
        procedure_code=item.procedure_code,
        case_index=wallet.case_index(case_id),
        valid_from=decision.valid_from,
        valid_until=item.valid_until,
        record=wallet.cipher.encrypt(canonical(record).decode(), scope=scope),
        snapshot_sha256=sha256_of(record),
        shown_sha256=str(record["shown_sha256"]),
        created_at=now,
        state=ConsentState.ACTIVE,
        state_since=now,
        is_sensitive=any_sensitive(record),
    )
