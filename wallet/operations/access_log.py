"""What a person reads about who read what: one line per exchange, and the proof of it.  Spec: wallet contract §10.3."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, cast, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.audit.entries import SUBJECT_INDEX
from shared.audit.proofs import ExportedEntry, export_entry
from shared.audit.tables import audit_sides
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import ConsentNotFound
from wallet.events import Outcome
from wallet.models.base import in_language
from wallet.models.dataset import Dataset, find_dataset
from wallet.models.exchange import Exchange, ExchangeState
from wallet.models.organisation import organisation_names
from wallet.models.purpose import Purpose, find_purpose
from wallet.operations.bulk_people import find_membership
from wallet.operations.log_walk import own_entries
from wallet.operations.presence import Presence
from wallet.operations.visibility import hidden_among

LIMIT_MAX = 100
ROUNDS_MAX = 20
UNSETTLED = (ExchangeState.ATTEMPT, ExchangeState.MINTED)
REFUSED = (Outcome.DENIED, Outcome.REJECTED)

Core = dict[str, Any]  # a core of the log, of the form of §10.1
Covers = Callable[[str, str | None, str | None], bool]
"""Whether a dataset, purpose and procedure are within what the reader may see."""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What to show; `outcome` is one of the log's words, times aware."""

    since: datetime | None = None
    until: datetime | None = None
    org_id: str | None = None
    dataset_id: str | None = None
    outcome: str | None = None
    only_sensitive: bool = False
    txn: UUID | None = None


@dataclass(frozen=True)
class Kept:
    """Which entries are shown: what a delegate may see (U13), and only sensitive data where `sensitive` names the fields that are."""

    covers: Covers
    sensitive: dict[str, frozenset[str]] | None

    def keeps(self, row: Core) -> bool:
        """Answer whether an entry is shown."""
        dataset_id = row["source"]["dataset_id"]
        if self.sensitive is not None and not self.sensitive.get(dataset_id, frozenset()) & set(row["fields"]):
            return False
        return self.covers(dataset_id, row.get("purpose_id"), row.get("procedure", {}).get("code"))


@dataclass(frozen=True, kw_only=True)
class Line:
    """One exchange as the person reads it: attempt and outcome joined, in words and with their ids."""

    txn: str
    at: datetime
    org_id: str
    org_name: str
    client_id: str
    handled_by: str | None
    source_org_id: str | None
    source_name: str | None
    dataset_id: str
    dataset_title: str
    fields: tuple[str, ...]
    field_titles: tuple[str, ...]
    purpose_text: str
    basis: dict[str, str]
    procedure_code: str | None
    outcome: str
    reason: str | None
    entry_ids: tuple[str, ...]
    criteria: str | None = None
    """By what the body chose, in its own words, where it asked about many people at once."""
    people: int | None = None

    @property
    def is_refused(self) -> bool:
        """True when the body got nothing because it might not."""
        return self.outcome in REFUSED


@dataclass(frozen=True)
class LogPage:
    """A page of lines, newest first; `next_cursor` None on the last."""

    lines: tuple[Line, ...]
    next_cursor: str | None


def read_log(wallet: Wallet, presence: Presence, filters: Filters, *, lang: str, cursor: str | None = None, limit: int = 50) -> LogPage:
    """Return who read the person's data.  Looking at one's own log is itself not logged."""
    index = wallet.cipher.blind_index(presence.subject, purpose=SUBJECT_INDEX)
    return _read(wallet, index, filters, lang=lang, cursor=cursor, limit=limit, covers=presence.covers)


def line_of(wallet: Wallet, presence: Presence, txn: UUID, *, lang: str) -> Line | None:
    """Return one exchange of a person's log, or None when it has no such one."""
    index = wallet.cipher.blind_index(presence.subject, purpose=SUBJECT_INDEX)
    lines = _read(wallet, index, Filters(txn=txn), lang=lang, cursor=None, limit=1, covers=presence.covers).lines
    return lines[0] if lines else None


def lines_of_subject(wallet: Wallet, index: bytes, filters: Filters, *, lang: str, limit: int) -> list[Line]:
    """Return the lines of a person who is named by the blind index, newest first."""
    return list(_read(wallet, index, filters, lang=lang, cursor=None, limit=limit).lines)


def _everything(dataset_id: str, purpose_id: str | None, procedure_code: str | None) -> bool:
    del dataset_id, purpose_id, procedure_code
    return True


def _read(
    wallet: Wallet, index: bytes, filters: Filters, *, lang: str, cursor: str | None, limit: int, covers: Covers = _everything
) -> LogPage:
    found: dict[str, list[Core]] = {}
    with wallet.reading() as tx:
        position, is_more = cursor, True
        sensitive = _sensitive_fields(tx.session) if filters.only_sensitive else None
        for _ in range(ROUNDS_MAX):
            rows = _rows(tx.session, index, filters, position, limit * 3)
            is_more = len(rows) == limit * 3
            kept = Kept(covers, sensitive)
            used = _collect(tx.session, rows, found, filters, limit=limit, now=wallet.clock.now(), kept=kept)
            position = rows[used - 1]["entry_id"] if used else position
            if not is_more or used < len(rows):
                is_more = is_more or used < len(rows)
                break
        lines = _lines(tx.session, [cores for cores in found.values() if _matches(cores, filters)], lang)
    return LogPage(tuple(lines), position if is_more else None)


def prove_access(wallet: Wallet, presence: Presence, entry_id: UUID) -> ExportedEntry:
    """Return one of the person's entries with its salt, its inclusion proof and the checkpoint.

    Raises: ConsentNotFound for an entry that is not hers, NotInLog while it is not yet under a checkpoint.
    """
    index = wallet.cipher.blind_index(presence.subject, purpose=SUBJECT_INDEX)
    with wallet.reading() as tx:
        own = select(audit_sides.c.entry_id).where(audit_sides.c.entry_id == entry_id, audit_sides.c.subject_index == index)
        is_own = tx.connection.execute(own).one_or_none() is not None
        member = None if is_own else find_membership(tx.session, entry_id, index)
        if not is_own and member is None:
            raise ConsentNotFound(gettext_noop("Your log has no such entry."))
        document = export_entry(tx.connection, wallet.cipher, entry_id)
        if member is not None:
            document["subject"], document["member"] = presence.subject, member
        return document


def _rows(session: Session, index: bytes, filters: Filters, cursor: str | None, limit: int) -> list[Core]:
    """Return a person's exchange entries, newest first."""
    walked, entry = own_entries(index, None if cursor is None else UUID(cursor))
    core = cast(entry.c.core, JSONB)
    conditions = [core.has_key("txn")]
    if filters.org_id is not None:
        conditions.append(core["accessor"]["org_id"].astext == filters.org_id)
    if filters.dataset_id is not None:
        conditions.append(core["source"]["dataset_id"].astext == filters.dataset_id)
    if filters.txn is not None:
        conditions.append(core["txn"].astext == str(filters.txn))
    if filters.since is not None:
        conditions.append(entry.c.occurred_at >= filters.since)
    if filters.until is not None:
        conditions.append(entry.c.occurred_at < filters.until)
    statement = select(entry.c.core, walked.c.part).select_from(walked.join(entry, true())).where(and_(*conditions))
    statement = statement.order_by(walked.c.entry_id.desc())
    return [_core(row.core, row.part) for row in session.execute(statement.limit(limit))]


def _core(core: str, part: str | None) -> Core:
    """Return a core as its reader takes it: of an entry about many people, what came of it for her."""
    read: Core = json.loads(core)
    return read if part is None else read | {"outcome": part}


def _collect(
    session: Session, rows: list[Core], found: dict[str, list[Core]], filters: Filters, *, limit: int, now: datetime, kept: Kept
) -> int:
    """Join rows by txn until there are enough lines; return how many rows were used."""
    settled = _settled(session, {row["txn"] for row in rows if row["outcome"] == Outcome.ATTEMPT})
    hidden = hidden_among(session, {row["txn"] for row in rows}, now)  # a provider's word about a hidden access says nothing of it
    for used, row in enumerate(rows):
        if row["txn"] in hidden:
            continue  # she sees it when its time has come
        if not kept.keeps(row):
            continue
        is_new = row["txn"] not in found
        if is_new and row["outcome"] == Outcome.ATTEMPT and row["txn"] in settled:
            continue  # its outcome is newer and stands on an earlier page
        if is_new and sum(_matches(cores, filters) for cores in found.values()) >= limit:
            return used
        found.setdefault(row["txn"], []).append(row)
    return len(rows)


def _sensitive_fields(session: Session) -> dict[str, frozenset[str]]:
    """Return the fields of each dataset that are sensitive in any version of it."""
    found: dict[str, frozenset[str]] = {}
    for row in session.scalars(select(Dataset)):
        marked = {name for name, field in row.listed().items() if field.sensitive}
        found[row.dataset_id] = found.get(row.dataset_id, frozenset()) | marked
    return found


def _settled(session: Session, txns: set[str]) -> set[str]:
    statement = select(Exchange.txn).where(Exchange.txn.in_([UUID(txn) for txn in txns]), Exchange.state.not_in(UNSETTLED))
    return {str(txn) for txn in session.scalars(statement)}


def _matches(cores: list[Core], filters: Filters) -> bool:
    return filters.outcome is None or cores[0]["outcome"] == filters.outcome


def _lines(session: Session, exchanges: Iterable[list[Core]], lang: str) -> list[Line]:
    exchanges = list(exchanges)
    org_ids = {core["accessor"]["org_id"] for cores in exchanges for core in cores}
    org_ids |= {core["source"]["org_id"] for cores in exchanges for core in cores if "org_id" in core["source"]}
    words = _Words(session, organisation_names(session, org_ids), lang)
    return [_line(words, cores) for cores in exchanges]


class _Words:
    """The names and titles that the lines of one page need, each asked for once."""

    def __init__(self, session: Session, names: dict[str, str], lang: str) -> None:
        self._session, self.names, self.lang = session, names, lang
        self._datasets: dict[tuple[str, int | None], Dataset | None] = {}
        self._purposes: dict[str, Purpose | None] = {}

    def dataset(self, dataset_id: str, version: int | None) -> Dataset | None:
        """Return a dataset in a version."""
        key = (dataset_id, version)
        if key not in self._datasets:
            self._datasets[key] = find_dataset(self._session, dataset_id, version)
        return self._datasets[key]

    def purpose(self, purpose_id: str) -> Purpose | None:
        """Return the purpose in force."""
        if purpose_id not in self._purposes:
            self._purposes[purpose_id] = find_purpose(self._session, purpose_id)
        return self._purposes[purpose_id]


def _line(words: _Words, cores: list[Core]) -> Line:
    names, lang = words.names, words.lang
    newest = cores[0]
    told = next((core for core in cores if core["reporter"] == "gate"), newest)  # a provider's word has no purpose and no basis
    accessor, source, purpose_id = told["accessor"], told["source"], told.get("purpose_id", "")
    dataset = words.dataset(source["dataset_id"], source.get("dataset_version"))
    purpose = words.purpose(purpose_id)
    return Line(
        txn=newest["txn"],
        at=datetime.fromisoformat(newest["occurred_at"]),
        org_id=accessor["org_id"],
        org_name=names.get(accessor["org_id"], accessor["org_id"]),
        client_id=accessor["client_id"],
        handled_by=accessor.get("handled_by"),
        source_org_id=source.get("org_id"),
        source_name=names.get(source.get("org_id", "")),
        dataset_id=source["dataset_id"],
        dataset_title=in_language(dataset.title, lang) if dataset else source["dataset_id"],
        fields=tuple(told["fields"]),
        field_titles=_titles(dataset, told["fields"], lang),
        purpose_text=in_language(purpose.text, lang) if purpose else purpose_id,
        basis=dict(told.get("basis", {"kind": "unknown"})),
        procedure_code=told.get("procedure", {}).get("code"),
        outcome=newest["outcome"],
        reason=newest.get("reason"),
        entry_ids=tuple(core["entry_id"] for core in cores),
        criteria=in_language(told["bulk"]["criteria"], lang) or None if "bulk" in told else None,
        people=told["bulk"]["asked"] if "bulk" in told else None,
    )


def _titles(dataset: Dataset | None, field_ids: list[str], lang: str) -> tuple[str, ...]:
    listed = dataset.listed() if dataset else {}
    return tuple(in_language(listed[name].title, lang) if name in listed else name for name in field_ids)
