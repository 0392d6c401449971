"""Messages about accesses: the log is read on behind the exchanges, so that no exchange waits for them.  Spec: wallet contract §10.3."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from shared.audit.tables import audit_entries, audit_sequence, audit_sides
from shared.clock import ZONE
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.events import Outcome
from wallet.models.bulk import BulkPerson
from wallet.models.person_notice import LogMark, NoticeKind, is_first
from wallet.operations.known import Known

MARK = "notices"
SCAN_MAX = 1000
NIGHT_ENDS_HOUR = 6
TOLD = frozenset({Outcome.RELEASED, Outcome.DENIED})

Core = Mapping[str, Any]  # a core of the log, of the form of §10.1


def tell_accesses(wallet: Wallet) -> int:
    """Read up to a thousand entries on and leave the messages they call for; return how many were read."""
    with wallet.transaction() as tx:
        tx.connection.execute(insert(LogMark).values(name=MARK, seq=0).on_conflict_do_nothing())
        mark = tx.session.scalars(select(LogMark).where(LogMark.name == MARK).with_for_update()).one()
        joined = audit_sequence.join(audit_entries, audit_entries.c.entry_id == audit_sequence.c.entry_id)
        joined = joined.outerjoin(audit_sides, audit_sides.c.entry_id == audit_sequence.c.entry_id)
        columns = select(audit_sequence.c.seq, audit_entries.c.entry_id, audit_entries.c.core, audit_sides.c.subject_index)
        statement = columns.select_from(joined).where(audit_sequence.c.seq > mark.seq).order_by(audit_sequence.c.seq).limit(SCAN_MAX)
        rows = tx.connection.execute(statement).all()
        for row in rows:
            core: Core = json.loads(row.core)
            for name, subject_index, own in _people(tx, row.entry_id, row.subject_index, core):
                kind = _kind(wallet, tx, own, subject_index) if _is_told(own) else None
                if kind is not None:
                    tx.enqueue("notify_person", {"kind": kind, "id": name})
        if rows:
            mark.seq = rows[-1].seq
    return len(rows)


def _people(tx: Transaction, entry_id: UUID, subject_index: bytes | None, core: Core) -> Iterator[tuple[str, bytes, Core]]:
    """Yield whom an entry is about: how a message names it, her index, and the core as it is for her."""
    if subject_index is not None:
        yield str(entry_id), subject_index, core
    if "people" in core.get("bulk", {}):
        mine = (BulkPerson.entry_id == entry_id, BulkPerson.subject_index.is_not(None))
        for one in tx.session.scalars(select(BulkPerson).where(*mine).order_by(BulkPerson.place)):
            if one.subject_index is not None:
                yield f"{entry_id}:{one.place}", one.subject_index, {**core, "outcome": one.outcome}


def _is_told(core: Core) -> bool:
    """True for what came of an exchange, unless the law lets the body hide it for a time."""
    return "txn" in core and core["outcome"] in TOLD and core.get("reporter") == "gate" and "visibility" not in core


def _kind(wallet: Wallet, tx: Transaction, core: Core, subject_index: bytes) -> NoticeKind | None:
    """Return the one thing that is most worth telling of an access; None where there is nothing."""
    if core["outcome"] == Outcome.DENIED:
        return NoticeKind.REFUSED_ACCESS
    seen = f"{subject_index.hex()}:{core['accessor']['org_id']}"
    if is_first(tx.session, NoticeKind.FIRST_ACCESS, seen, wallet.clock.now()):
        return NoticeKind.FIRST_ACCESS
    hour = datetime.fromisoformat(core["occurred_at"]).astimezone(ZONE).hour
    if hour < NIGHT_ENDS_HOUR and "official" in core["accessor"]:
        return NoticeKind.NIGHT_ACCESS
    dataset = Known(wallet, tx.session).dataset(core["source"]["dataset_id"])
    listed = dataset.listed() if dataset else {}
    return NoticeKind.SENSITIVE_ACCESS if any(listed[name].sensitive for name in core["fields"] if name in listed) else None
