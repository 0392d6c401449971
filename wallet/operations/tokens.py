"""Consent tokens: minted for one exchange, and told about to the provider that holds one.  Spec: wallet contract §5.1, §5.3."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from wallet.context import Wallet
from wallet.models.agreement import current_agreement
from wallet.models.consent import Consent, ConsentState, find_consent
from wallet.models.dataset import find_dataset
from wallet.models.organisation import find_client
from wallet.operations.callers import Body
from wallet.operations.gate import READ, ExchangeAsk, Passed
from wallet.operations.keys import published_keys, signing_key
from wallet.operations.status_lists import list_uri
from wallet.standards import signing
from wallet.standards.consent_record import instant
from wallet.standards.consent_token import TYP, Authority, Minting, mint
from wallet.standards.namespace import CONSENT_TYPE, LEGAL_ACCESS_TYPE

INACTIVE: dict[str, object] = {"active": False}
"""The one answer to every other case: unknown, foreign, expired, malformed (no oracle)."""
INTROSPECTION_TYP = "token-introspection+jwt"
TOLD = ("iss", "aud", "sub", "client_id", "exp", "iat", "jti", "cnf", "authorization_details")


def mint_for_gate(wallet: Wallet, passed: Passed, ask: ExchangeAsk, *, org_id: str, client_id: str, txn: str) -> str:
    """Return the token with which the gate itself fetches, bound to the gate's key; it reads also where it answers only yes or no."""
    minting = _minting(wallet, passed, ask, client_id=client_id, jti=wallet.ids.token(16), txn=txn, thumbprint=wallet.gate_key.thumbprint())
    return mint(_authority(passed, ask, org_id, action=READ), minting, key=signing_key(wallet, "consent-token"))


def mint_for_client(
    wallet: Wallet, passed: Passed, ask: ExchangeAsk, body: Body, *, txn: str, jti: str, thumbprint: str
) -> tuple[str, dict[str, object]]:
    """Return a token bound to the recipient's own key, and the detail in it."""
    authority = _authority(passed, ask, body.organisation.org_id, action=ask.action)
    minting = _minting(wallet, passed, ask, client_id=body.client.client_id, jti=jti, txn=txn, thumbprint=thumbprint)
    return mint(authority, minting, key=signing_key(wallet, "consent-token")), authority.detail()


def _minting(wallet: Wallet, passed: Passed, ask: ExchangeAsk, *, client_id: str, jti: str, txn: str, thumbprint: str) -> Minting:
    return Minting(
        issuer=wallet.settings.public_url,
        audience=passed.matter.dataset.audience,
        client_id=client_id,
        jti=jti,
        txn=txn,
        confirmation={"jkt": thumbprint},
        issued_at=wallet.clock.now(),
        ttl_seconds=wallet.settings.consent_token_ttl_seconds,
        status=_status(wallet, passed.consent),
        official={"sub": f"official:{ask.official_id}", "unit": ask.official_unit or ""} if ask.official_id else None,
    )


def _status(wallet: Wallet, consent: Consent | None) -> dict[str, object] | None:
    if consent is None or consent.status_list is None or consent.status_idx is None:
        return None
    return {"idx": consent.status_idx, "uri": list_uri(wallet, consent.status_list)}


def _authority(passed: Passed, ask: ExchangeAsk, org_id: str, *, action: str) -> Authority:
    agreement, consent, dataset = passed.agreement, passed.consent, passed.matter.dataset
    extra: dict[str, object] = {}
    if ask.procedure_code:
        extra["procedure"] = {"code": ask.procedure_code, **({"case_id": ask.case_id} if ask.case_id else {})}
    if consent is not None:
        extra |= {"consent_version": consent.consent_version, "snapshot_sha256": consent.snapshot_sha256}
    if agreement.law_reference and consent is None:
        extra["law_reference"] = agreement.law_reference
    return Authority(
        type=CONSENT_TYPE if consent else LEGAL_ACCESS_TYPE,
        identifier=str(consent.consent_id) if consent else agreement.agreement_id,
        subject={"scheme": ask.scheme, "value": ask.run},
        to=org_id,
        location=dataset.endpoint,
        dataset_id=dataset.dataset_id,
        fields=ask.fields,
        purpose=passed.matter.purpose.purpose_id,
        legal_basis="consent" if consent else agreement.legal_basis,
        agreement_id=agreement.agreement_id,
        retention=str(agreement.retention.get("duration", "P0D")),
        valid_until=instant(consent.valid_until if consent else agreement.valid_until),
        action=action,
        mode=consent.mode if consent else "view",
        extra=extra,
    )


def introspect_token(wallet: Wallet, caller_client_id: str, token: str) -> dict[str, object]:
    """Return what a token says while it stands, to the provider it is addressed to; else exactly `{"active": false}`."""
    try:
        claims = signing.verify(token, keys=published_keys(wallet, "consent-token"), typ=TYP)
    except signing.BadSignature:
        return INACTIVE
    now = wallet.clock.now()
    detail = claims["authorization_details"][0]
    with wallet.reading() as tx:
        if claims["exp"] <= now.timestamp() or not _is_addressed_to(tx.session, caller_client_id, detail["datatypes"][0], claims["aud"]):
            return INACTIVE
        if not _stands(tx.session, detail, now):
            return INACTIVE
    return {"active": True, **{name: claims[name] for name in TOLD if name in claims}, "state": ConsentState.ACTIVE}


def introspect_consent(wallet: Wallet, caller_client_id: str, consent_id: str, client_id: str, dataset_id: str) -> dict[str, object]:
    """Return whether a consent stands for a recipient and a dataset, to the provider of that dataset, without a token."""
    number = _uuid(consent_id)
    now = wallet.clock.now()
    with wallet.reading() as tx:
        consent = find_consent(tx.session, number) if number else None
        if consent is None or not _is_addressed_to(tx.session, caller_client_id, consent.dataset_id, None):
            return INACTIVE
        if (consent.client_id, consent.dataset_id) != (client_id, dataset_id) or not _is_in_force(tx.session, consent, now):
            return INACTIVE
        detail = {
            "type": CONSENT_TYPE,
            "identifier": str(consent.consent_id),
            "consent_version": consent.consent_version,
            "snapshot_sha256": consent.snapshot_sha256,
            "to": consent.org_id,
            "datatypes": [consent.dataset_id],
            "fields": consent.granted_fields,
            "purpose": consent.purpose_id,
            "legal_basis": "consent",
            "agreement_id": consent.agreement_id,
            "mode": consent.mode,
            "valid_until": instant(consent.valid_until),
        }
        told = {"iss": wallet.settings.public_url, "client_id": client_id, "authorization_details": [detail], "state": ConsentState.ACTIVE}
        return {"active": True, **told}


def sign_introspection(wallet: Wallet, caller_client_id: str, answer: dict[str, object]) -> str:
    """Return an answer of introspection as a JWS for its caller.  Spec: RFC 9701 §5."""
    now = int(wallet.clock.now().timestamp())
    payload = {"iss": wallet.settings.public_url, "aud": caller_client_id, "iat": now, "token_introspection": answer}
    return signing.sign(payload, key=signing_key(wallet, "consent-token"), typ=INTROSPECTION_TYP)


def _is_addressed_to(session: Session, caller_client_id: str, dataset_id: str, audience: str | None) -> bool:
    """True when the caller is a system of the dataset's provider."""
    found, dataset = find_client(session, caller_client_id), find_dataset(session, dataset_id)
    if found is None or dataset is None or "provider" not in found[0].roles:
        return False
    return found[1].org_id == dataset.org_id and audience in {None, dataset.audience}


def _stands(session: Session, detail: dict[str, object], now: datetime) -> bool:
    if detail["type"] == LEGAL_ACCESS_TYPE:
        agreement = current_agreement(session, str(detail["agreement_id"]))
        return agreement is not None and agreement.is_active(now)
    number = _uuid(str(detail["identifier"]))
    consent = find_consent(session, number) if number else None
    return consent is not None and _is_in_force(session, consent, now)


def _is_in_force(session: Session, consent: Consent, now: datetime) -> bool:
    agreement = current_agreement(session, consent.agreement_id)
    return consent.state_at(now) == ConsentState.ACTIVE and agreement is not None and agreement.is_active(now)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
