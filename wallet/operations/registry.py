"""The registry: declare organisations, their systems, datasets, purposes, procedures and notices.  Spec: wallet contract §2, R1."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select

from shared.problems import Forbidden
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import UnknownDataset, UnknownPurpose, VersionMismatch
from wallet.events import Event
from wallet.models.base import Texts
from wallet.models.consent import LIVE_STATES, Consent, ConsentState
from wallet.models.consent_request import ConsentRequestItem
from wallet.models.dataset import Dataset, find_dataset
from wallet.models.notice import Notice, find_notice
from wallet.models.organisation import Client, Organisation
from wallet.models.procedure import Procedure
from wallet.models.purpose import Purpose, find_purpose
from wallet.operations.callers import Party, find_body
from wallet.operations.consent_moves import Actor, drop_requests, end_all
from wallet.standards.canonical import sha256_of


@dataclass(frozen=True, kw_only=True)
class FieldDeclaration:
    """One field as a provider declares it; `kind` is string, boolean, number or date."""

    field_id: str
    title: Texts
    kind: str
    dpv_category: str
    sensitive: bool = False
    identifier: bool = False
    special_category: str | None = None


@dataclass(frozen=True, kw_only=True)
class DatasetDeclaration:
    """One dataset as a provider declares it."""

    dataset_id: str
    org_id: str
    client_id: str
    audience: str
    endpoint: str
    title: Texts
    description: Texts
    fields: Sequence[FieldDeclaration]
    classification: str
    procedure_codes: Sequence[str]
    legal_basis_default: str = "consent"
    max_age_seconds: int = 0
    cache_max_seconds: int = 0
    consent_max_seconds: int = 365 * 24 * 3600
    subject_kinds: Sequence[str] = ("person",)


def register_organisation(
    wallet: Wallet, *, org_id: str, name: str, tax_id: str, kind: str, dpo_contact: Texts, address: str, actor: str
) -> None:
    """Add an organisation."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        row = Organisation(org_id=org_id, name=name, tax_id=tax_id, kind=kind, dpo_contact=dpo_contact, address=address)
        row.created_at = row.updated_at = now
        tx.session.add(row)
        tx.record(Event.ORGANISATION_REGISTERED, actor=actor, object_id=org_id)


def register_client(
    wallet: Wallet,
    *,
    client_id: str,
    org_id: str,
    display_name: str,
    redirect_uris: Sequence[str],
    roles: Sequence[str],
    jwks: dict[str, object],
    actor: str,
    handled_by: str | None = None,
) -> None:
    """Add a system of an organisation, or give it other addresses, roles and keys; `jwks` holds public keys only."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        row = tx.session.get(Client, client_id, with_for_update=True)
        if row is None:
            row = Client(client_id=client_id, org_id=org_id, created_at=now, lock=0)
            tx.session.add(row)
        row.display_name, row.jwks, row.handled_by = display_name, jwks, handled_by
        row.redirect_uris, row.roles, row.updated_at, row.lock = list(redirect_uris), list(roles), now, row.lock + 1
        tx.record(Event.CLIENT_REGISTERED, actor=actor, object_id=client_id, data={"roles": list(roles)})


def activate_dataset(wallet: Wallet, declaration: DatasetDeclaration, *, actor: str) -> int:
    """Put a declaration in force as the next version of its dataset; return that version.  The one before is retired."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        before = find_dataset(tx.session, declaration.dataset_id)
        newest = tx.session.scalar(select(func.max(Dataset.version)).where(Dataset.dataset_id == declaration.dataset_id))
        if before is not None:
            before.status, before.updated_at, before.lock = "retired", now, before.lock + 1
            tx.session.flush()
        row = Dataset(
            dataset_id=declaration.dataset_id,
            version=(newest or 0) + 1,
            org_id=declaration.org_id,
            client_id=declaration.client_id,
            audience=declaration.audience,
            endpoint=declaration.endpoint,
            title=declaration.title,
            description=declaration.description,
            subject_kinds=list(declaration.subject_kinds),
            fields=[dict(vars(field)) for field in declaration.fields],
            max_age_seconds=declaration.max_age_seconds,
            cache_max_seconds=declaration.cache_max_seconds,
            classification=declaration.classification,
            legal_basis_default=declaration.legal_basis_default,
            consent_max_seconds=declaration.consent_max_seconds,
            procedure_codes=list(declaration.procedure_codes),
            status="active",
            created_at=now,
            updated_at=now,
        )
        tx.session.add(row)
        tx.record(Event.DATASET_ACTIVATED, actor=actor, object_id=declaration.dataset_id, data={"version": row.version})
        return row.version


def declare_dataset(wallet: Wallet, party: Party, declaration: DatasetDeclaration, *, follows: set[str]) -> int:
    """Put a provider's own declaration in force; return its version.  `client_id` in it is the provider's system.

    `follows` are the versions (`version-lock`) that the caller has seen: where a version is in force, it must be one of them.
    Raises: ClientNotRegistered, Forbidden for another body's dataset or system, VersionMismatch.
    """
    with wallet.reading() as tx:
        system = find_body(tx.session, declaration.client_id, "provider")
        before = find_dataset(tx.session, declaration.dataset_id)
    if {system.organisation.org_id, before.org_id if before else party.org_id} != {party.org_id}:
        raise Forbidden(gettext_noop("Another body declares this dataset, or has this system."))
    if before is not None and f"{before.version}-{before.lock}" not in follows:
        raise VersionMismatch(gettext_noop("Read the version in force, and name its ETag in If-Match."))
    return activate_dataset(wallet, replace(declaration, org_id=party.org_id), actor=party.actor)


def read_dataset(wallet: Wallet, dataset_id: str) -> Dataset:
    """Return the version in force.  Raises: UnknownDataset."""
    with wallet.reading() as tx:
        row = find_dataset(tx.session, dataset_id)
    if row is None:
        raise UnknownDataset(gettext_noop("No dataset in force has this id."))
    return row


def consents_on(wallet: Wallet, dataset_id: str) -> int:
    """Return how many permissions in force rest on a dataset."""
    with wallet.reading() as tx:
        statement = select(func.count()).where(Consent.dataset_id == dataset_id, Consent.state.in_(LIVE_STATES))
        return tx.session.scalar(statement) or 0


def retire_dataset(wallet: Wallet, party: Party, dataset_id: str) -> int:
    """Take a dataset back with every consent and request that rests on it; return how many consents ended (R2).

    Raises: UnknownDataset, Forbidden.
    """
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        row = find_dataset(tx.session, dataset_id)
        if row is None:
            raise UnknownDataset(gettext_noop("No dataset in force has this id."))
        if row.org_id != party.org_id:
            raise Forbidden(gettext_noop("Another body declares this dataset."))
        row.status, row.updated_at, row.lock = "retired", now, row.lock + 1
        tx.record(Event.DATASET_RETIRED, actor=party.actor, object_id=dataset_id, data={"version": row.version})
        system, gone = Actor(kind="provider", id=party.actor), ConsentState.INVALIDATED
        ended = end_all(wallet, tx, Consent.dataset_id == dataset_id, target=gone, actor=system, reason_code="dataset_retired")
        drop_requests(wallet, tx, ConsentRequestItem.dataset_id == dataset_id, actor=party.actor, reason_code="dataset_retired")
        return ended


def activate_purpose(
    wallet: Wallet,
    *,
    purpose_id: str,
    text: Texts,
    dpv_purpose: str,
    legal_basis: str,
    notice_id: str,
    procedure_code: str | None,
    actor: str,
) -> int:
    """Put a purpose in force as its next version; return that version.  Raises: UnknownPurpose when its notice has no Spanish text."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        if find_notice(tx.session, notice_id, "es") is None:
            raise UnknownPurpose(gettext_noop("A purpose needs its notice first, at least in Spanish."))
        before = find_purpose(tx.session, purpose_id)
        newest = tx.session.scalar(select(func.max(Purpose.version)).where(Purpose.purpose_id == purpose_id))
        if before is not None:
            before.status, before.updated_at, before.lock = "retired", now, before.lock + 1
            tx.session.flush()
        row = Purpose(purpose_id=purpose_id, version=(newest or 0) + 1, text=text, dpv_purpose=dpv_purpose, legal_basis=legal_basis)
        row.notice_id, row.procedure_code, row.status, row.created_at, row.updated_at = notice_id, procedure_code, "active", now, now
        tx.session.add(row)
        tx.record(Event.PURPOSE_ACTIVATED, actor=actor, object_id=purpose_id, data={"version": row.version})
        return row.version


def retire_purpose(wallet: Wallet, purpose_id: str, *, actor: str) -> int:
    """Take a purpose back with every consent and request that rests on it; return how many consents ended (R2).  Raises: UnknownPurpose."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        row = find_purpose(tx.session, purpose_id)
        if row is None:
            raise UnknownPurpose(gettext_noop("No purpose in force has this id."))
        row.status, row.updated_at, row.lock = "retired", now, row.lock + 1
        tx.record(Event.PURPOSE_RETIRED, actor=actor, object_id=purpose_id, data={"version": row.version})
        system, gone = Actor(kind="system", id="system:registry"), ConsentState.INVALIDATED
        ended = end_all(wallet, tx, Consent.purpose_id == purpose_id, target=gone, actor=system, reason_code="purpose_retired")
        drop_requests(wallet, tx, ConsentRequestItem.purpose_id == purpose_id, actor=actor, reason_code="purpose_retired")
        return ended


def register_procedure(wallet: Wallet, *, code: str, org_id: str, title: Texts, instead: Texts, law_reference: str, actor: str) -> None:
    """Add a procedure; `instead` says what a person who refuses brings."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        row = Procedure(code=code, org_id=org_id, title=title, instead=instead, law_reference=law_reference, created_at=now, updated_at=now)
        tx.session.add(row)
        tx.record(Event.PROCEDURE_REGISTERED, actor=actor, object_id=code)


def publish_notice(wallet: Wallet, *, notice_id: str, texts: dict[str, tuple[str, str]], actor: str) -> int:
    """Write the next version of a notice: title and body by language; return that version."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        newest = tx.session.scalar(select(func.max(Notice.version)).where(Notice.notice_id == notice_id))
        version = (newest or 0) + 1
        for lang, (title, body) in texts.items():
            digest = sha256_of({"title": title, "body": body})
            row = Notice(notice_id=notice_id, version=version, lang=lang, title=title, body=body, sha256=digest, created_at=now)
            tx.session.add(row)
        tx.record(Event.NOTICE_PUBLISHED, actor=actor, object_id=notice_id, data={"version": version, "languages": sorted(texts)})
        return version
