"""What an auditor sees: entries of the log without persons, and what bodies owe; each look is logged.  Spec: wallet contract §10, §18."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, cast, select
from sqlalchemy.dialects.postgresql import JSONB

from shared.audit.tables import audit_checkpoints, audit_entries
from wallet.context import Wallet
from wallet.events import Event, Outcome
from wallet.models.erasure import Erasure, overdue_erasures
from wallet.models.organisation import Client, Organisation, organisation_names
from wallet.operations.enquiries import overdue_counts
from wallet.operations.reports import UNREPORTED_AFTER, reconcile
from wallet.operations.rule_runs import waiting_reports
from wallet.operations.visibility import hidden_counts

SHOWN_MAX, READ_MAX, COUNTED_MAX = 50, 5_000, 20_000
PIECES_MAX = 10
"""How many pieces of `READ_MAX` entries one look reads before it says how far it came."""
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
class Found:
    """What a look came to; `older` is where the next one goes on, None at the log's beginning."""

    entries: list[EntryView]
    older: UUID | None
    read_until: datetime | None
    """How far back was read, where the look ended before it was full."""


@dataclass(frozen=True)
class Owed:
    """What does not fit, by body: what is over its time, reports that do not match, refusals, broken limits, hidden entries."""

    enquiries: list[tuple[str, int]]
    erasures: list[tuple[str, Erasure]]
    reports: list[tuple[str, int, int]]
    reported_day: date
    """The newest day of which every report must be here."""
    refusals: list[tuple[str, str, int]]
    broken: list[tuple[str, str, int]]
    hidden: list[tuple[str, str, int]]
    checkpoint: tuple[int, datetime] | None


def look(wallet: Wallet, auditor: str, asked: Look) -> Found:
    """Write down that an auditor looks, and return the newest entries before `before` that fit.

    It reads on piece by piece until the page is full or it has read enough; the next look goes on from there, so that everything
    is reached and no look costs more for a longer log.
    """
    with wallet.transaction() as tx:
        tx.record(Event.AUDITOR_LOOKED, actor=auditor, object_id="entries", channel="web", data=asked.words())
    mine: list[dict[str, Any]] = []  # cores of the log
    last = _Place(asked.before, None)
    with wallet.reading() as tx:
        for _ in range(PIECES_MAX):
            before, last = last.entry_id, _end_of_piece(tx.connection, last.entry_id)
            mine += [one for one in _fitting(tx.connection, asked, before, last.entry_id) if _is_seen(one, asked.bodies)]
            if len(mine) > SHOWN_MAX or last.entry_id is None:
                break
        names = organisation_names(tx.session, {org for one in mine[:SHOWN_MAX] for org in _bodies(one)})
    shown = [_view(one, names) for one in mine[:SHOWN_MAX]]
    return Found(shown, shown[-1].entry_id, None) if len(mine) > SHOWN_MAX else Found(shown, *last)


class _Place(NamedTuple):
    """A place in the log: the last entry that was read, or none at its beginning."""

    entry_id: UUID | None
    at: datetime | None


def _end_of_piece(connection: Connection, before: UUID | None) -> _Place:
    """Return the last of the next `READ_MAX` entries, newest first; none where the log begins before."""
    entries = audit_entries.c
    newest = select(entries.entry_id, entries.occurred_at).order_by(entries.entry_id.desc()).offset(READ_MAX - 1).limit(1)
    row = connection.execute(newest.where(entries.entry_id < before) if before else newest).one_or_none()
    return _Place(row.entry_id, row.occurred_at) if row else _Place(None, None)


def _fitting(connection: Connection, asked: Look, before: UUID | None, last: UUID | None) -> list[dict[str, Any]]:  # cores of the log
    """Return the entries of a piece that fit, newest first."""
    entries = audit_entries.c
    newest = select(entries.entry_id, entries.core).order_by(entries.entry_id.desc()).limit(READ_MAX)
    newest = newest.where(entries.entry_id < before) if before else newest
    near = (newest.where(entries.entry_id >= last) if last else newest).subquery()
    core = cast(near.c.core, JSONB)
    statement = select(near.c.core).where(core.has_key("txn")).order_by(near.c.entry_id.desc())
    if asked.org_id:
        statement = statement.where(core["accessor"]["org_id"].astext == asked.org_id)
    if asked.outcome:
        statement = statement.where(core["outcome"].astext == asked.outcome)
    if asked.txn:
        statement = statement.where(core["txn"].astext == str(asked.txn))
    return [json.loads(row.core) for row in connection.execute(statement)]


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
        broken = [(f"{one.agreement_id} ({one.version})", one.rule_id, one.count) for one in waiting_reports(tx.session, bodies)]
        refused = _refusals(tx.connection.execute(_refused_since(now - timedelta(days=REFUSED_DAYS))).scalars().all())
    day: date = (now - UNREPORTED_AFTER).date() - timedelta(days=1)
    reports = [(name, reconcile(wallet, org_id, day)) for org_id, name in sorted(known.items(), key=lambda pair: pair[1])]
    return Owed(
        enquiries=overdue_counts(wallet, bodies),
        erasures=late,
        reports=[(name, len(one.unknown), len(one.missing)) for name, one in reports if one.unknown or one.missing],
        reported_day=day,
        refusals=[(known[org_id], reason, count) for (org_id, reason), count in refused.most_common() if org_id in known],
        broken=broken,
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
