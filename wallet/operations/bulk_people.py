"""The people of entries about many: who is one, what the public sees of them, and how long they stay linked.  Spec: §8.3 X5, §10."""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from shared.audit import merkle
from shared.audit.entries import SCOPE, SUBJECT_INDEX, Cipher
from shared.audit.members import Membership, member_leaf, member_path
from shared.audit.report import FaultKind, Report
from shared.audit.sides import erase_sides
from shared.audit.tables import audit_entries
from shared.crypto import CannotDecrypt
from wallet.context import Wallet
from wallet.models.base import Texts, in_language
from wallet.models.bulk import BulkPerson
from wallet.models.dataset import find_dataset
from wallet.models.organisation import organisation_names
from wallet.models.purpose import find_purpose

PAGE_MAX = 50
ERASE_BATCH = 10_000
_IS_THERE = text("SELECT to_regclass('bulk_people')")
_OLDEST = text("""
UPDATE bulk_people SET salt = NULL, subject = NULL, subject_index = NULL
WHERE (entry_id, place) IN (
    SELECT entry_id, place FROM bulk_people WHERE salt IS NOT NULL AND received_at < :before ORDER BY received_at LIMIT :most
)
""")
_MEMBERS = text("""
SELECT entry_id, place, outcome, leaf_hash, salt, subject, subject_index, core FROM bulk_people LEFT JOIN audit_entries USING (entry_id)
ORDER BY entry_id, place
""")
_NAMED = text("""
SELECT entry_id FROM audit_entries
WHERE core LIKE '%"bulk":{%' AND core LIKE '%"people":"%' AND NOT EXISTS (
    SELECT FROM bulk_people WHERE bulk_people.entry_id = audit_entries.entry_id
)
""")


@dataclass(frozen=True, kw_only=True)
class PublicBulk:
    """One bulk transfer as anybody may read it: bodies, data, ground, criteria and counts, and no person."""

    entry_id: UUID
    at: datetime
    org_name: str
    source_name: str
    dataset_id: str
    dataset_title: str
    fields: tuple[str, ...]
    purpose: str
    ground: str
    criteria: Texts
    asked: int
    counts: dict[str, int]
    outcome: str
    reason: str | None


def find_membership(session: Session, entry_id: UUID, index: bytes) -> Membership | None:
    """Return that a person is meant by an entry about many, with the path that proves it; None where she is not."""
    rows = session.scalars(select(BulkPerson).where(BulkPerson.entry_id == entry_id).order_by(BulkPerson.place)).all()
    mine = next((row for row in rows if row.subject_index == index), None)
    if mine is None or mine.salt is None:
        return None
    path = member_path([row.leaf_hash for row in rows], mine.place)
    return {"salt": mine.salt.hex(), "outcome": mine.outcome, "place": mine.place, "path": [step.hex() for step in path]}


def public_transfers(
    wallet: Wallet, *, lang: str, before: UUID | None = None, limit: int = PAGE_MAX
) -> tuple[list[PublicBulk], UUID | None]:
    """Return bulk transfers, newest first, and where the next page goes on."""
    statement = select(audit_entries.c.core).join(BulkPerson, BulkPerson.entry_id == audit_entries.c.entry_id)
    statement = statement.where(BulkPerson.place == 0).order_by(BulkPerson.entry_id.desc()).limit(limit + 1)
    if before is not None:
        statement = statement.where(BulkPerson.entry_id < before)
    with wallet.reading() as tx:
        cores = [json.loads(row.core) for row in tx.connection.execute(statement)]
        shown = cores[:limit]
        org_ids = {core["accessor"]["org_id"] for core in shown} | {core["source"].get("org_id", "") for core in shown}
        names = organisation_names(tx.session, org_ids - {""})
        found = [_public(tx.session, core, names, lang) for core in shown]
    return found, found[-1].entry_id if len(cores) > limit else None


def _public(session: Session, core: dict[str, Any], names: dict[str, str], lang: str) -> PublicBulk:  # a core of the log
    source, bulk, basis = core["source"], core["bulk"], core["basis"]
    dataset = find_dataset(session, source["dataset_id"], source["dataset_version"]) if "dataset_version" in source else None
    listed, purpose = dataset.listed() if dataset else {}, find_purpose(session, core["purpose_id"])
    org_id = core["accessor"]["org_id"]
    return PublicBulk(
        entry_id=UUID(core["entry_id"]),
        at=datetime.fromisoformat(core["occurred_at"]),
        org_name=names.get(org_id, org_id),
        source_name=names.get(source.get("org_id", ""), ""),
        dataset_id=source["dataset_id"],
        dataset_title=in_language(dataset.title, lang) if dataset else source["dataset_id"],
        fields=tuple(in_language(listed[name].title, lang) if name in listed else name for name in core["fields"]),
        purpose=in_language(purpose.text, lang) if purpose else core["purpose_id"],
        ground=basis.get("law_reference") or "",
        criteria=bulk["criteria"],
        asked=bulk["asked"],
        counts=bulk["counts"],
        outcome=core["outcome"],
        reason=core.get("reason"),
    )


def erase_old(wallet: Wallet, *, received_before: datetime) -> int:
    """Erase what links old entries to people, alone or among many; return how many.  Every proof stays valid (§10.5)."""
    with wallet.transaction() as tx:
        alone = tx.forgot("audit_sides", erase_sides(tx.connection, received_before=received_before, limit=ERASE_BATCH))
        many = tx.connection.execute(_OLDEST, {"before": received_before, "most": ERASE_BATCH}).rowcount
        return alone + tx.forgot(BulkPerson.__tablename__, many)


def verify_people(connection: Connection, cipher: Cipher, report: Report) -> None:
    """Hold the people of each entry about many against the root in its core, and each who is still named against her leaf.

    A database of before there were such entries, as an older backup restores it, has none.
    """
    if connection.execute(_IS_THERE).scalar() is None:
        return
    for row in connection.execute(_NAMED):
        report.add(FaultKind.MISSING, "the people of this entry are gone", entry_id=row.entry_id)
    members = connection.execute(_MEMBERS.execution_options(yield_per=1_000))
    for entry_id, rows in groupby(members, key=attrgetter("entry_id")):
        _verify_entry(entry_id, rows, cipher, report)


def _verify_entry(entry_id: UUID, rows: Iterator[Any], cipher: Cipher, report: Report) -> None:  # rows of _MEMBERS
    tree, bulk, is_right = merkle.Frontier(), dict[str, Any](), True
    for row in rows:
        bulk = json.loads(row.core)["bulk"] if row.core and not bulk else bulk
        is_right = is_right and row.place == tree.size and _is_hers(row, cipher)
        tree.append(row.leaf_hash)
    fits = bulk.get("asked") == tree.size and hmac.compare_digest(str(bulk.get("people")), tree.root().hex())
    if not (is_right and fits):
        report.add(FaultKind.CHANGED, "its people are not those who were logged", entry_id=entry_id)


def _is_hers(row: Any, cipher: Cipher) -> bool:  # a row of _MEMBERS
    """Answer whether what still links a row to a person is what its leaf says."""
    links = (row.salt, row.subject, row.subject_index)
    if None in links:
        return links == (None, None, None)
    try:
        subject = cipher.decrypt(row.subject, scope=SCOPE)
        leaf, index = member_leaf(row.salt, subject, row.outcome), cipher.blind_index(subject, purpose=SUBJECT_INDEX)
    except (CannotDecrypt, ValueError):
        return False
    return hmac.compare_digest(leaf, row.leaf_hash) and hmac.compare_digest(index, row.subject_index)
