"""Agreements: proposed, signed by both over the same content, and from then on enforced by code.  Spec: wallet contract §9."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from joserfc.jwk import ECKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.transaction import Transaction
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import AgreementRequired, InvalidExchange, InvalidSignature, UnknownDataset, UnknownField
from wallet.models.agreement import AGREEMENT_STATES, Agreement, AgreementState, current_agreement, find_agreement
from wallet.models.consent import Consent, ConsentState
from wallet.models.consent_request import ConsentRequestItem
from wallet.models.dataset import find_dataset
from wallet.models.organisation import Client, Organisation
from wallet.operations.callers import keys_of
from wallet.operations.consent_moves import Actor, drop_requests, end_all
from wallet.operations.moves import legal
from wallet.standards import legal_basis, signing
from wallet.standards.canonical import Json, sha256_of
from wallet.standards.consent_record import instant

ENDED = (AgreementState.TERMINATED, AgreementState.EXPIRED)
SIGNATURE_TYP = "agreement-signature+jwt"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The content of an agreement: what both bodies sign."""

    agreement_id: str
    consumer: str
    provider: str
    datasets: Sequence[Mapping[str, Json]]
    purposes: Sequence[str]
    legal_basis: str
    procedure_codes: Sequence[str]
    valid_from: datetime
    valid_until: datetime
    law_reference: str | None = None
    sensitive_article: str | None = None
    consent_required: bool = False
    kind: str = "standing"
    volume: Mapping[str, int]
    limits: Mapping[str, Json]
    retention: Mapping[str, Json]
    storage_locations: Sequence[str] = ("CL",)
    jurisdiction: str = "CL"
    onward: Sequence[str] = ()
    conditions: Mapping[str, Json] = field(default_factory=dict)

    def content(self, version: int) -> dict[str, Json]:
        """Return what is hashed and signed."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        times: dict[str, Json] = {"valid_from": instant(self.valid_from), "valid_until": instant(self.valid_until)}
        return {**plain, **times, "version": version}


def propose_agreement(wallet: Wallet, terms: Terms, *, actor: str) -> tuple[int, str]:
    """Lay the next version of an agreement open for signing; return its version and the hash to sign.

    Raises: InvalidExchange when its ground is not one (a law that is not named, a public body's own interest).
    """
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        check_ground(tx.session, terms)
        newest = tx.session.scalar(select(func.max(Agreement.version)).where(Agreement.agreement_id == terms.agreement_id))
        version = (newest or 0) + 1
        content = terms.content(version)
        action = legal(AGREEMENT_STATES, AgreementState.DRAFT, AgreementState.SIGNING)
        columns = content | {"valid_from": terms.valid_from, "valid_until": terms.valid_until}
        row = Agreement(**columns, state=AgreementState.SIGNING, sha256=sha256_of(content), signatures={}, created_at=now, updated_at=now)
        tx.session.add(row)
        tx.record(action, actor=actor, object_id=terms.agreement_id, data={"version": version, "sha256": row.sha256})
        return version, row.sha256


def signature(agreement_id: str, version: int, sha256: str, *, org_id: str, key: ECKey) -> str:
    """Return an organisation's signature under an agreement."""
    return signing.sign({"iss": org_id, "agreement_id": agreement_id, "version": version, "sha256": sha256}, key=key, typ=SIGNATURE_TYP)


def sign_agreement(wallet: Wallet, agreement_id: str, version: int, token: str, *, org_id: str, actor: str) -> str:
    """Take one body's signature; with both, the agreement is active and the version before is superseded.  Return the state.

    Raises: AgreementRequired, InvalidSignature, IllegalTransition.
    """
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        row = find_agreement(tx.session, agreement_id, version)
        if row is None or org_id not in {row.consumer, row.provider}:
            raise AgreementRequired(gettext_noop("There is no such agreement for this organisation."))
        action = legal(AGREEMENT_STATES, AgreementState(row.state), AgreementState.ACTIVE)
        _check_signature(tx.session, row, token, org_id)
        row.signatures = {**row.signatures, org_id: token}
        row.updated_at, row.lock = now, row.lock + 1
        if row.signatures.keys() == {row.consumer, row.provider}:
            _supersede(tx.session, row, now)
            row.state = AgreementState.ACTIVE
        tx.record(action, actor=actor, object_id=agreement_id, data={"version": version, "by": org_id, "state": row.state})
        return row.state


def end_agreement(wallet: Wallet, agreement_id: str, target: AgreementState, *, reason: str, actor: str) -> None:
    """Suspend, resume or terminate the agreement in force; with its end go the consents that rest on it (R2).

    Raises: AgreementRequired, IllegalTransition.
    """
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        row = current_agreement(tx.session, agreement_id)
        if row is None:
            raise AgreementRequired(gettext_noop("No version of this agreement is in force."))
        action = legal(AGREEMENT_STATES, AgreementState(row.state), target)
        row.state, row.updated_at, row.lock = target, now, row.lock + 1
        tx.record(action, actor=actor, object_id=agreement_id, data={"version": row.version, "reason": reason})
        follow_change(wallet, tx, row)


def follow_change(wallet: Wallet, tx: Transaction, row: Agreement) -> None:
    """Do what follows when an agreement in force changes: both bodies are told, and with its end go the consents that rest on it."""
    if row.state in ENDED:
        system, gone = Actor(kind="system", id="system:registry"), ConsentState.INVALIDATED
        mine = Consent.agreement_id == row.agreement_id
        end_all(wallet, tx, mine, target=gone, actor=system, reason_code="agreement_ended")
        lost = ConsentRequestItem.agreement_id == row.agreement_id
        drop_requests(wallet, tx, lost, actor="system:registry", reason_code="agreement_ended")
    tx.enqueue("announce_agreement", {"agreement_id": row.agreement_id, "version": row.version})


def check_ground(session: Session, terms: Terms) -> None:
    """Refuse terms whose parties are not registered or whose ground does not hold.  Raises: AgreementRequired, InvalidExchange."""
    consumer = session.get(Organisation, terms.consumer)
    if consumer is None or session.get(Organisation, terms.provider) is None:
        raise AgreementRequired(gettext_noop("Both bodies must be registered first."))
    basis = legal_basis.LegalBasis(terms.legal_basis)
    ground = legal_basis.Ground(basis, terms.law_reference, terms.sensitive_article, terms.consent_required)
    fault = legal_basis.fault_of(ground, consumer_kind=consumer.kind)
    if fault:
        raise InvalidExchange(gettext_noop("The ground of the agreement does not hold."), errors={"legal_basis": [fault]})


def check_datasets(session: Session, terms: Terms) -> None:
    """Refuse terms about data that the provider does not declare, or that are named twice.  Raises: UnknownDataset, UnknownField."""
    named = [str(entry["dataset_id"]) for entry in terms.datasets]
    if len(set(named)) != len(named):
        raise InvalidExchange(gettext_noop("Name each dataset once."))
    for entry in terms.datasets:
        dataset = find_dataset(session, str(entry["dataset_id"]))
        if dataset is None or dataset.org_id != terms.provider or dataset.version != entry["version"]:
            said = gettext_noop("The provider has no such dataset in force in this version.")
            raise UnknownDataset(said, dataset_id=str(entry["dataset_id"]))
        asked = entry["fields"]
        unknown = sorted(set(map(str, asked if isinstance(asked, list) else [])) - dataset.listed().keys())
        if unknown:
            raise UnknownField(gettext_noop("Ask only for fields that the dataset lists."), fields=unknown)


def _check_signature(session: Session, row: Agreement, token: str, org_id: str) -> None:
    keys: dict[str, ECKey] = {}
    for client in session.scalars(select(Client).where(Client.org_id == org_id)):
        keys |= keys_of(client)
    try:
        payload = signing.verify(token, keys=keys, typ=SIGNATURE_TYP)
    except signing.BadSignature:
        raise InvalidSignature(gettext_noop("It was not made with a key of this organisation.")) from None
    if payload != {"iss": org_id, "agreement_id": row.agreement_id, "version": row.version, "sha256": row.sha256}:
        raise InvalidSignature(gettext_noop("It is about other content."))


def _supersede(session: Session, row: Agreement, now: datetime) -> None:
    """Let the version in force go before the new one takes its place."""
    before = session.scalars(
        select(Agreement).where(Agreement.agreement_id == row.agreement_id, Agreement.state == AgreementState.ACTIVE).with_for_update()
    ).one_or_none()
    if before is not None:
        legal(AGREEMENT_STATES, AgreementState(before.state), AgreementState.SUPERSEDED)
        before.state, before.updated_at = AgreementState.SUPERSEDED, now
        session.flush()
