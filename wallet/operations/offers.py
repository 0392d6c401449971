"""What a person is asked, in her language: the frozen offer that the page shows and the form's hash stands for.

Spec: wallet contract §3, §4.1.
"""

import json
from typing import TypeVar

from sqlalchemy.orm import Session

from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import SnapshotChanged
from wallet.models.agreement import Agreement, find_agreement
from wallet.models.base import in_language
from wallet.models.consent import ConsentState, active_consent_for, chain_of
from wallet.models.consent_request import ConsentRequest, ConsentRequestItem
from wallet.models.dataset import Dataset, Field, find_dataset
from wallet.models.notice import Notice, find_notice
from wallet.models.organisation import Client, Organisation
from wallet.models.procedure import Procedure
from wallet.models.purpose import Purpose, find_purpose
from wallet.standards.canonical import Json
from wallet.standards.consent_record import Frozen, instant
from wallet.standards.differences import Kind as Change
from wallet.standards.differences import compare, kind_of
from wallet.standards.legal_basis import DPV

T = TypeVar("T")


class _Sources:
    """The registry rows behind one item, in the versions that the item was made with."""

    def __init__(self, session: Session, row: ConsentRequest, item: ConsentRequestItem, lang: str) -> None:
        self.client: Client = _there(session.get(Client, row.client_id))
        self.recipient: Organisation = _there(session.get(Organisation, row.org_id))
        self.dataset: Dataset = _there(find_dataset(session, item.dataset_id, item.dataset_version))
        self.source: Organisation = _there(session.get(Organisation, self.dataset.org_id))
        self.purpose: Purpose = _there(find_purpose(session, item.purpose_id, item.purpose_version))
        self.agreement: Agreement = _there(find_agreement(session, item.agreement_id, item.agreement_version))
        self.notice: Notice = _there(
            find_notice(session, self.purpose.notice_id, lang) or find_notice(session, self.purpose.notice_id, "es")
        )
        self.procedure = session.get(Procedure, item.procedure_code) if item.procedure_code else None


def build_offer(wallet: Wallet, session: Session, row: ConsentRequest, item: ConsentRequestItem, *, lang: str) -> Frozen:
    """Return everything that the decision page of one item says.  Raises: SnapshotChanged when a declaration behind it is gone."""
    sources = _Sources(session, row, item, lang)
    scope = wallet.subject_scope(row.subject_index)
    scheme, _, value = wallet.cipher.decrypt(row.subject, scope=scope).partition(":")
    case_id = wallet.cipher.decrypt(item.case_id, scope=scope) if item.case_id else None
    frozen: Frozen = {
        "principal": {"scheme": scheme, "value": value},
        "request_id": str(row.request_id),
        "item_id": item.item_id,
        "recipient": {"org_id": sources.recipient.org_id, "client_id": row.client_id, "handled_by": sources.client.handled_by},
        "source": {"org_id": sources.source.org_id, "dataset_id": item.dataset_id, "dataset_version": item.dataset_version},
        "fields": _fields(sources.dataset.listed(), item, lang),
        "purpose_id": item.purpose_id,
        "purpose_text": in_language(sources.purpose.text, lang),
        "purpose_type": sources.purpose.dpv_purpose,
        "legal_basis": "consent",
        "consent_type": DPV + "ExplicitlyExpressedConsent",
        "mode": item.mode,
        "fetch": item.fetch,
        "max_uses": item.max_uses,
        "frequency": _plain(item.frequency),
        "data_period": dict(item.data_period) if item.data_period else None,
        "valid_until": instant(item.valid_until),
        "retention": _plain(sources.agreement.retention),
        "storage_locations": list(sources.agreement.storage_locations),
        "jurisdiction": sources.agreement.jurisdiction,
        "withdrawal_method": wallet.settings.public_url + "/",
        "privacy_rights": wallet.settings.rights_url,
        "authority": wallet.settings.authority_name,
        "onward": list(sources.agreement.onward),
        "agreement_id": item.agreement_id,
        "agreement_version": item.agreement_version,
        "notice": {
            "notice_id": sources.notice.notice_id,
            "version": sources.notice.version,
            "lang": sources.notice.lang,
            "sha256": sources.notice.sha256,
        },
        "shown": _shown(sources, row, lang),
    }
    if item.procedure_code:
        title = in_language(sources.procedure.title, lang) if sources.procedure else item.procedure_code
        frozen["procedure"] = {"code": item.procedure_code, "case_id": case_id, "title": title}
    changes = _changes(wallet, session, row, item, frozen=frozen, case_id=case_id)
    ends = None if changes and changes["kind"] == Change.RENEWAL else _ended_by(wallet, session, row, item)
    return {**frozen, **({"changes": changes} if changes else {}), **({"ends": ends} if ends else {})}


def _ended_by(wallet: Wallet, session: Session, row: ConsentRequest, item: ConsentRequestItem) -> dict[str, Json] | None:
    """Return what a yes ends besides, where the body asked for this permission in the place of another (§12)."""
    chain = chain_of(session, row.replaces) if row.replaces else []
    before = next((one for one in reversed(chain) if one.consent_id != item.consent_id), None)
    if before is None or before.state_at(wallet.clock.now()) != ConsentState.ACTIVE:
        return None
    record: Frozen = json.loads(wallet.cipher.decrypt(before.record, scope=wallet.subject_scope(before.subject_index)))
    return {"consent_id": str(before.consent_id), **{name: record[name] for name in ("shown", "purpose_text", "valid_until")}}


def _changes(
    wallet: Wallet, session: Session, row: ConsentRequest, item: ConsentRequestItem, *, frozen: Frozen, case_id: str | None
) -> dict[str, Json] | None:
    """Return what the offer changes against a consent of the same matter that is in force (§7, U10)."""
    before = active_consent_for(
        session,
        subject_index=row.subject_index,
        client_id=row.client_id,
        dataset_id=item.dataset_id,
        purpose_id=item.purpose_id,
        case_index=wallet.case_index(case_id),
    )
    if before is None or before.consent_id == item.consent_id or before.state_at(wallet.clock.now()) != before.state:
        return None
    record: Frozen = json.loads(wallet.cipher.decrypt(before.record, scope=wallet.subject_scope(before.subject_index)))
    found = compare(record, frozen)
    return {"kind": kind_of(found), "consent_id": str(before.consent_id), "differences": [one.as_json() for one in found]}


def _shown(sources: _Sources, row: ConsentRequest, lang: str) -> dict[str, Json]:
    """Return the words that are on the page besides the terms themselves."""
    contact = sources.recipient.dpo_contact
    return {
        "language": lang,
        "recipient": sources.recipient.name,
        "recipient_contact": contact.get("email") or contact.get("phone") or contact.get("url", ""),
        "source": sources.source.name,
        "dataset": in_language(sources.dataset.title, lang),
        "message": in_language(row.message, lang) if row.message else "",
        "notice_title": sources.notice.title,
        "notice_body": sources.notice.body,
        "instead": in_language(sources.procedure.instead, lang) if sources.procedure else "",
    }


def _fields(listed: dict[str, Field], item: ConsentRequestItem, lang: str) -> list[Json]:
    optional = set(item.optional_fields)
    rows: list[Json] = []
    for field_id in [*item.fields, *item.optional_fields]:
        field = listed[field_id]
        rows.append(
            {
                "field_id": field_id,
                "title": in_language(field.title, lang),
                "optional": field_id in optional,
                "sensitive": field.sensitive,
                "special_category": field.special_category,
            }
        )
    return rows


def _plain(stored: dict[str, object] | None) -> dict[str, Json] | None:
    if stored is None:
        return None
    return {name: value if isinstance(value, str | int | bool) else str(value) for name, value in stored.items()}


def _there(found: T | None) -> T:
    if found is None:
        raise SnapshotChanged(gettext_noop("Something this request rests on is no longer there."))
    return found
