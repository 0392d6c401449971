"""What an auditor sees: entries of the log without persons, and what bodies owe; each look is logged.  Spec: wallet contract §10, §18."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import cast, select
from sqlalchemy.dialects.postgresql import JSONB

from shared.audit.tables import audit_checkpoints, audit_entries
from wallet.context import Wallet
from wallet.events import Event, Outcome
from wallet.models.erasure import Erasure, overdue_erasures
from wallet.models.organisation import Client, Organisation, organisation_names
from wallet.operations.enquiries import overdue_counts
from wallet.operations.reports import UNREPORTED_AFTER, reconcile
from wallet.operations.visibility import hidden_counts

SHOWN_MAX, READ_MAX, COUNTED_MAX = 50, 5_000, 20_000
REFUSED_DAYS = 30


@dataclass(frozen=True)
class Look:
    """What an auditor asks for; `bodies` are those that she may see, None for all."""

    bodies: frozenset[str] | None = None
    org_id: str = ""
    outcome: str = ""
    txn: UUID | None = None
    before: UUID | None = None

    def words(self) -> dict[str, str | int | bool | list[str]]:
        """Return the look as the log keeps it."""
        asked = {"org": self.org_id, "outcome": self.outcome, "txn": str(self.txn or ""), "before": str(self.before or "")}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True)
class EntryView:
    """One entry as it is hashed: bodies, fields, ground and result, and no person."""

    entry_id: UUID
    at: datetime
    txn: str
    outcome: str
    reason: str
    accessor: str
    source: str
    dataset_id: str
    fields: tuple[str, ...]
    ground: str
    is_hidden: bool


@dataclass(frozen=True)
class Owed:
    """What does not fit, by body: enquiries and erasures over their time, reports that do not match, refusals, hidden entries."""

    enquiries: list[tuple[str, int]]
    erasures: list[tuple[str, Erasure]]
    reports: list[tuple[str, int, int]]
    reported_day: date
    """The newest day of which every report must be here."""
    refusals: list[tuple[str, str, int]]
    hidden: list[tuple[str, str, int]]
    checkpoint: tuple[int, datetime] | None


def look(wallet: Wallet, auditor: str, asked: Look) -> list[EntryView]:
    """Write down that an auditor looks, and return the newest entries that fit.

    Among the newest `READ_MAX` before `before`, so that a look costs the same however long the log is.
    """
    with wallet.transaction() as tx:
        tx.record(Event.AUDITOR_LOOKED, actor=auditor, object_id="entries", channel="web", data=asked.words())
    with wallet.reading() as tx:
        entries = audit_entries.c
        newest = select(entries.entry_id, entries.core).order_by(entries.entry_id.desc()).limit(READ_MAX)
        near = (newest.where(entries.entry_id < asked.before) if asked.before else newest).subquery()
        core = cast(near.c.core, JSONB)
        statement = select(near.c.core).where(core.has_key("txn")).order_by(near.c.entry_id.desc())
        if asked.org_id:
            statement = statement.where(core["accessor"]["org_id"].astext == asked.org_id)
        if asked.outcome:
            statement = statement.where(core["outcome"].astext == asked.outcome)
        if asked.txn:
            statement = statement.where(core["txn"].astext == str(asked.txn))
        found = [json.loads(row.core) for row in tx.connection.execute(statement)]
        mine = [one for one in found if _is_seen(one, asked.bodies)][:SHOWN_MAX]
        names = organisation_names(tx.session, {org for one in mine for org in _bodies(one)})
        return [_view(one, names) for one in mine]


def what_is_owed(wallet: Wallet, auditor: str, bodies: frozenset[str] | None) -> Owed:
    """Write down that an auditor looks, and return what does not fit; refusals among the newest `COUNTED_MAX` entries."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        tx.record(Event.AUDITOR_LOOKED, actor=auditor, object_id="owed", channel="web", data={})
    with wallet.reading() as tx:
        providers = tx.session.execute(
            select(Organisation.org_id, Organisation.name).join(Client, Client.org_id == Organisation.org_id).distinct()
        )
        known = {row.org_id: row.name for row in providers if bodies is None or row.org_id in bodies}
        late = [(known[task.org_id], task) for task in overdue_erasures(tx.session, now) if task.org_id in known]
        newest = select(audit_checkpoints.c.size, audit_checkpoints.c.signed_at).order_by(audit_checkpoints.c.size.desc()).limit(1)
        signed = tx.connection.execute(newest).one_or_none()
        refused = _refusals(tx.connection.execute(_refused_since(now - timedelta(days=REFUSED_DAYS))).scalars().all())
    day: date = (now - UNREPORTED_AFTER).date() - timedelta(days=1)
    reports = [(name, reconcile(wallet, org_id, day)) for org_id, name in sorted(known.items(), key=lambda pair: pair[1])]
    return Owed(
        enquiries=overdue_counts(wallet, bodies),
        erasures=late,
        reports=[(name, len(one.unknown), len(one.missing)) for name, one in reports if one.unknown or one.missing],
        reported_day=day,
        refusals=[(known[org_id], reason, count) for (org_id, reason), count in refused.most_common() if org_id in known],
        hidden=hidden_counts(wallet, bodies),
        checkpoint=(signed.size, signed.signed_at) if signed else None,
    )


def _refused_since(since: datetime) -> Any:  # a statement of Core has no shorter type
    entries = audit_entries.c
    newest = select(entries.core, entries.occurred_at).order_by(entries.entry_id.desc()).limit(COUNTED_MAX).subquery()
    return select(newest.c.core).where(newest.c.occurred_at >= since, cast(newest.c.core, JSONB)["outcome"].astext == Outcome.DENIED)


def _refusals(cores: Any) -> Counter[tuple[str, str]]:  # texts of JSON
    found = (json.loads(core) for core in cores)
    return Counter((one["accessor"]["org_id"], one.get("reason", "")) for one in found)


def _bodies(core: dict[str, Any]) -> set[str]:  # a core of the log
    return {core["accessor"]["org_id"], core["source"].get("org_id", "")} - {""}


def _is_seen(core: dict[str, Any], bodies: frozenset[str] | None) -> bool:  # a core of the log
    return bodies is None or bool(bodies & _bodies(core))


def _view(core: dict[str, Any], names: dict[str, str]) -> EntryView:  # a core of the log
    accessor, source, basis = core["accessor"]["org_id"], core["source"].get("org_id", ""), core.get("basis", {})
    return EntryView(
        entry_id=UUID(core["entry_id"]),
        at=datetime.fromisoformat(core["occurred_at"]),
        txn=core["txn"],
        outcome=core["outcome"],
        reason=core.get("reason", ""),
        accessor=names.get(accessor, accessor),
        source=names.get(source, source),
        dataset_id=core["source"]["dataset_id"],
        fields=tuple(core["fields"]),
        ground=basis.get("law_reference") or basis.get("id") or basis.get("agreement_id", ""),
        is_hidden="visibility" in core,
    )
