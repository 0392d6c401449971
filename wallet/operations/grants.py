"""A grant: the decision frozen as a consent, with its first event and its place in a status list.  Spec: wallet contract §3."""

import json
from uuid import UUID

from shared.context import Transaction
from wallet.context import Wallet
from wallet.errors import InvalidExchange
from wallet.models.consent import Consent, ConsentState
from wallet.models.consent_request import ConsentRequest, ConsentRequestItem
from wallet.models.dataset import find_dataset
from wallet.operations.consent_moves import Actor, open_chain
from wallet.operations.presence import Presence
from wallet.operations.status_lists import draw_entry, list_uri
from wallet.standards.canonical import canonical, sha256_of
from wallet.standards.consent_record import Decision, Frozen, any_sensitive, granted_fields, granted_record


def grant_consent(
    wallet: Wallet,
    tx: Transaction,
    presence: Presence,
    row: ConsentRequest,
    item: ConsentRequestItem,
    *,
    offer: Frozen,
    optional: frozenset[str],
) -> UUID:
    """Freeze a decision as a consent and return its id.  Raises: InvalidExchange for a field that was not offered."""
    decision = Decision(
        consent_id=str(wallet.ids.uuid4()),
        chain_id=str(wallet.ids.uuid4()),
        decided_by=presence.actor,
        optional_granted=optional,
        valid_from=wallet.clock.now().replace(microsecond=0),
    )
    try:
        record = granted_record(offer, decision)
    except ValueError:
        raise InvalidExchange("A field was chosen that this request does not offer.") from None
    number, index = draw_entry(wallet, tx.session)
    record["status_list"] = {"uri": list_uri(wallet, number), "idx": index}
    consent = _row(wallet, row, item, record=record, decision=decision)
    dataset = find_dataset(tx.session, item.dataset_id, item.dataset_version)
    consent.source_org_id = dataset.org_id if dataset else ""
    consent.status_list, consent.status_idx = number, index
    consent.evidence = wallet.cipher.encrypt(json.dumps(presence.evidence()), scope=wallet.subject_scope(row.subject_index))
    tx.session.add(consent)
    tx.session.flush()
    open_chain(wallet, tx, consent, actor=Actor(kind="principal", id=presence.actor, channel="web"), subject=presence.subject)
    return consent.consent_id


def case_index(wallet: Wallet, case_id: str | None) -> bytes | None:
    """Return the mark by which a case is known again without being readable."""
    return wallet.cipher.blind_index(case_id, purpose="wallet-case") if case_id else None


def _row(wallet: Wallet, row: ConsentRequest, item: ConsentRequestItem, *, record: Frozen, decision: Decision) -> Consent:
    """Return the consent with what the gate asks at each use, beside the sealed record."""
    now, scope = wallet.clock.now(), wallet.subject_scope(row.subject_index)
    case_id = wallet.cipher.decrypt(item.case_id, scope=scope) if item.case_id else None
    return Consent(
        consent_id=UUID(decision.consent_id),
        consent_version=1,
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
        case_index=case_index(wallet, case_id),
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
