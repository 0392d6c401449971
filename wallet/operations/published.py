"""What anybody may read of the registry: agreements with their parties, fields, purposes and volumes.  Spec: wallet contract §9."""

from typing import cast

from sqlalchemy import select

from wallet.context import Wallet
from wallet.models.agreement import Agreement, AgreementState, current_agreement, find_agreement
from wallet.models.agreement_template import active_templates
from wallet.models.organisation import organisation_names
from wallet.standards.canonical import Json
from wallet.standards.consent_record import instant

NOT_PUBLIC = (AgreementState.DRAFT, AgreementState.LEGAL_REVIEW)


def published_agreements(wallet: Wallet) -> list[dict[str, Json]]:
    """Return every agreement that left its draft, newest version first."""
    with wallet.reading() as tx:
        statement = select(Agreement).where(Agreement.state.not_in(NOT_PUBLIC)).order_by(Agreement.agreement_id, Agreement.version.desc())
        rows = list(tx.session.scalars(statement))
        names = organisation_names(tx.session, {row.consumer for row in rows} | {row.provider for row in rows})
    return [_published(wallet, row, names) for row in rows]


def published_agreement(wallet: Wallet, agreement_id: str) -> dict[str, Json] | None:
    """Return the version in force, else the newest."""
    with wallet.reading() as tx:
        row = current_agreement(tx.session, agreement_id) or find_agreement(tx.session, agreement_id)
        if row is None or row.state in NOT_PUBLIC:
            return None
        return _published(wallet, row, organisation_names(tx.session, {row.consumer, row.provider}))


def published_templates(wallet: Wallet) -> list[dict[str, object]]:
    """Return the standard terms in force."""
    with wallet.reading() as tx:
        rows = active_templates(tx.session)
    return [
        {
            "template_id": row.template_id,
            "version": row.version,
            "title": row.title,
            "text": row.text,
            "legal_basis": row.legal_basis,
            "limits": row.limits,
            "retention": row.retention,
        }
        for row in rows
    ]


def _published(wallet: Wallet, row: Agreement, names: dict[str, str]) -> dict[str, Json]:
    is_over = row.state == AgreementState.ACTIVE and not row.is_active(wallet.clock.now())
    return {
        "agreement_id": row.agreement_id,
        "version": row.version,
        "state": AgreementState.EXPIRED if is_over else row.state,
        "consumer": row.consumer,
        "consumer_name": names.get(row.consumer, row.consumer),
        "provider": row.provider,
        "provider_name": names.get(row.provider, row.provider),
        "datasets": [
            {"dataset_id": str(one["dataset_id"]), "fields": sorted(row.fields_of(str(one["dataset_id"])) or ())} for one in row.datasets
        ],
        "purposes": row.purposes,
        "legal_basis": row.legal_basis,
        "law_reference": row.law_reference,
        "consent_required": row.consent_required or row.legal_basis == "consent",
        "procedure_codes": row.procedure_codes,
        "kind": row.kind,
        "volume": dict(row.volume),
        "limits": {name: value for name, value in row.limits.items() if isinstance(value, str | int | bool | list)},
        "storage_locations": row.storage_locations,
        "onward": row.onward,
        "conditions": cast(dict[str, Json], row.conditions),  # JSON, as it was signed
        "valid_from": instant(row.valid_from),
        "valid_until": instant(row.valid_until),
        "sha256": row.sha256,
        "signed_by": sorted(row.signatures),
    }
