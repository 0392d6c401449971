"""Entries of the access log, in their form: which fields and never their values.  Spec: wallet contract §10.1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import insert

from shared.audit import merkle
from shared.audit.entries import SCOPE, SUBJECT_INDEX, Concealed, new_salt
from shared.audit.members import member_leaf
from shared.clock import rfc3339
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.events import Outcome
from wallet.models.bulk import BulkPerson
from wallet.operations.callers import Body
from wallet.operations.coverage import Matter
from wallet.operations.gate import ExchangeAsk, Passed


@dataclass(frozen=True, kw_only=True)
class Access:
    """What every entry of one exchange says; `subject` is `cl-run:…`, or None where it is about many people."""

    subject: str | None = field(repr=False)
    org_id: str
    client_id: str
    handled_by: str | None
    official_id: str | None = field(repr=False)
    official_unit: str | None = field(repr=False)
    source_org_id: str | None
    dataset_id: str
    dataset_version: int | None
    fields: tuple[str, ...]
    purpose_id: str
    basis: dict[str, str]
    procedure_code: str | None
    case_id: str | None = field(repr=False)
    txn: str
    visibility: dict[str, str] | None = None


def log_access(body: Body, ask: ExchangeAsk, txn: UUID, matter: Matter | None, passed: Passed | None) -> Access:
    """Return what the entries of one exchange say."""
    basis = {"kind": "law" if ask.by_law else "consent"}
    if ask.by_law:
        # What both bodies signed is what the person reads, not what the caller wrote.
        basis["law_reference"] = (passed.agreement.law_reference if passed else ask.law_reference) or ""
    elif ask.consent_id:
        basis["id"] = str(ask.consent_id)
    agreement_id = passed.agreement.agreement_id if passed else ask.agreement_id
    if agreement_id:
        basis["agreement_id"] = agreement_id
    return Access(
        subject=ask.subject,
        org_id=body.organisation.org_id,
        client_id=body.client.client_id,
        handled_by=body.client.handled_by,
        official_id=ask.official_id,
        official_unit=ask.official_unit,
        source_org_id=matter.dataset.org_id if matter else None,
        dataset_id=ask.dataset_id,
        dataset_version=matter.dataset.version if matter else None,
        fields=ask.fields,
        purpose_id=ask.purpose_id,
        basis=basis,
        procedure_code=ask.procedure_code or (matter.purpose.procedure_code if matter else None),
        case_id=ask.case_id,
        txn=str(txn),
        visibility={"ground": ask.visibility.ground, "release_at": rfc3339(ask.visibility.release_at)}
        if ask.visibility and passed
        else None,
    )


def write_entry(tx: Transaction, access: Access, outcome: Outcome, *, reason: str | None = None) -> str:
    """Write one entry with its erasable side in the transaction; return its id."""
    return _write(tx, access, {"outcome": outcome}, reason)


def write_bulk_attempt(tx: Transaction, access: Access, criteria: Mapping[str, str], asked: int) -> str:
    """Write that somebody is about to fetch the data of many people; return the entry's id."""
    return _write(tx, access, {"outcome": Outcome.ATTEMPT, "bulk": {"criteria": dict(criteria), "asked": asked}}, None)


def write_bulk_entry(
    wallet: Wallet,
    tx: Transaction,
    access: Access,
    outcome: Outcome,
    *,
    criteria: Mapping[str, str],
    people: Sequence[tuple[str, Outcome]],
    reason: str | None = None,
) -> str:
    """Write the one entry about many people, each (`scheme:value`, what came of it for her), and return its id.

    By whom it is read: the core has criteria, counts and the root over the people; each has a row of her own beside it, which is
    how she finds the entry and proves that she is meant.
    """
    salts = [new_salt(wallet.ids) for _ in people]
    leaves = [member_leaf(salt, subject, one) for salt, (subject, one) in zip(salts, people, strict=True)]
    counts = {str(name): sum(one is name for _, one in people) for name in Outcome}
    bulk = {"criteria": dict(criteria), "asked": len(people), "people": merkle.root_of(leaves).hex()}
    bulk["counts"] = {name: count for name, count in counts.items() if count}
    entry_id = _write(tx, access, {"outcome": outcome, "bulk": bulk}, reason)
    rows = [
        {
            "entry_id": UUID(entry_id),
            "place": place,
            "outcome": str(one),
            "leaf_hash": leaf,
            "salt": salt,
            "subject": wallet.cipher.encrypt(subject, scope=SCOPE),
            "subject_index": wallet.cipher.blind_index(subject, purpose=SUBJECT_INDEX),
            "received_at": wallet.clock.now(),
        }
        for place, (salt, leaf, (subject, one)) in enumerate(zip(salts, leaves, people, strict=True))
    ]
    tx.session.execute(insert(BulkPerson), rows)
    return entry_id


def _write(tx: Transaction, access: Access, what: Mapping[str, object], reason: str | None) -> str:
    accessor: dict[str, object] = {"org_id": access.org_id, "client_id": access.client_id}
    if access.official_id:
        accessor["official"] = Concealed(f"official:{access.official_id}")
    if access.handled_by:
        accessor["handled_by"] = access.handled_by
    source: dict[str, object] = {"dataset_id": access.dataset_id}
    if access.source_org_id is not None and access.dataset_version is not None:
        source |= {"org_id": access.source_org_id, "dataset_version": access.dataset_version}
    core: dict[str, object] = {
        **what,
        "accessor": accessor,
        "source": source,
        "fields": sorted(access.fields),
        "purpose_id": access.purpose_id,
        "basis": access.basis,
        "txn": access.txn,
        "reporter": "gate",
    }
    if access.procedure_code:
        case: dict[str, object] = {"case": Concealed(f"case:{access.case_id}")} if access.case_id else {}
        core["procedure"] = {"code": access.procedure_code, **case}
    if reason:
        core["reason"] = reason
    if access.visibility:
        core["visibility"] = access.visibility
    clear = {"official_id": access.official_id, "official_unit": access.official_unit, "case_id": access.case_id}
    return tx.record_core(core, subject=access.subject, extra={name: value for name, value in clear.items() if value})
