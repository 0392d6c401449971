"""Entries of the access log, in their form: which fields and never their values.  Spec: wallet contract §10.1."""

from dataclasses import dataclass, field

from shared.audit.entries import Concealed
from shared.context import Transaction
from wallet.events import Outcome


@dataclass(frozen=True, kw_only=True)
class Access:
    """What every entry of one exchange says; `subject` is `cl-run:…`."""

    subject: str = field(repr=False)
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


def write_entry(tx: Transaction, access: Access, outcome: Outcome, *, reason: str | None = None) -> str:
    """Write one entry with its erasable side in the transaction; return its id."""
    accessor: dict[str, object] = {"org_id": access.org_id, "client_id": access.client_id}
    if access.official_id:
        accessor["official"] = Concealed(f"official:{access.official_id}")
    if access.handled_by:
        accessor["handled_by"] = access.handled_by
    source: dict[str, object] = {"dataset_id": access.dataset_id}
    if access.source_org_id is not None and access.dataset_version is not None:
        source |= {"org_id": access.source_org_id, "dataset_version": access.dataset_version}
    core: dict[str, object] = {
        "outcome": outcome,
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
