"""A person's history: note what happened, read it, seal each day (§3.10)."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Connection, select

from identity.context import Identity
from identity.models.base import table_of
from identity.models.finders import person_scope
from identity.models.history import HistoryDay, HistoryEvent, What
from identity.operations.retention import kept_since
from shared.transaction import Transaction

EVENTS, DAYS = table_of(HistoryEvent), table_of(HistoryDay)
PAGE_SIZE = 50
Details = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Row:
    """One event as its person reads it."""

    id: UUID
    occurred_at: datetime
    what: What
    details: dict[str, object]


def note(identity: Identity, tx: Transaction, person_id: UUID, what: What, details: Details | None = None) -> None:
    """Add a row to a person's history, in the transaction of what happened; empty details are left out.

    Known details: service, organisation, channel, method, level, device, place, agent, reason, acting_for, claims, name,
    and for a summary its day and times.
    """
    told = {name: value for name, value in {"channel": "web", **(details or {})}.items() if value}
    sealed = identity.cipher.encrypt(json.dumps(told, ensure_ascii=False), scope=person_scope(person_id))
    row = {"id": identity.ids.uuid7(), "person_id": person_id, "occurred_at": identity.clock.now(), "what": what}
    tx.connection.execute(EVENTS.insert().values(row | {"details_sealed": sealed}))


def read(
    identity: Identity, person_id: UUID, *, what: Iterable[What] = (), before: UUID | None = None, limit: int = PAGE_SIZE
) -> list[Row]:
    """Return a person's rows, newest first: those of some kinds, those before one."""
    query = select(EVENTS).where(EVENTS.c.person_id == person_id).order_by(EVENTS.c.occurred_at.desc(), EVENTS.c.id.desc()).limit(limit)
    kinds = list(what)
    with identity.reading() as tx:
        if kinds:
            query = query.where(EVENTS.c.what.in_(kinds))
        if before is not None:
            at = select(EVENTS.c.occurred_at).where(EVENTS.c.id == before, EVENTS.c.person_id == person_id).scalar_subquery()
            query = query.where((EVENTS.c.occurred_at < at) | ((EVENTS.c.occurred_at == at) & (EVENTS.c.id < before)))
        rows = tx.connection.execute(query).all()
    scope = person_scope(person_id)
    return [Row(r.id, r.occurred_at, What(r.what), json.loads(identity.cipher.decrypt(r.details_sealed, scope=scope))) for r in rows]


def seal_days(identity: Identity) -> int:
    """Seal each whole day that is not sealed yet over the day before it; return how many were."""
    done = 0
    today = identity.clock.now().date()
    with identity.db.begin() as connection:
        last = connection.execute(select(DAYS).order_by(DAYS.c.day.desc()).limit(1)).one_or_none()
        first = connection.execute(select(EVENTS.c.occurred_at).order_by(EVENTS.c.occurred_at).limit(1)).scalar_one_or_none()
        if last is None and first is None:
            return 0
        day, before = (last.day + timedelta(days=1), last.digest) if last else (first.date(), "")  # type: ignore[union-attr]  # one of them is there
        while day < today:
            rows, before = _digest(_rows_of(connection, day), before)
            connection.execute(DAYS.insert().values(day=day, rows=rows, digest=before))
            day, done = day + timedelta(days=1), done + 1
    return done


def first_broken_day(identity: Identity) -> date | None:
    """Recompute the chain and return the first day that does not fit, or None; of days that were let go the seals alone are left."""
    before, since = "", kept_since(identity)
    with identity.reading() as tx:
        for sealed in tx.connection.execute(select(DAYS).order_by(DAYS.c.day)).all():
            if sealed.day < since:
                before = sealed.digest
                continue
            rows, before = _digest(_rows_of(tx.connection, sealed.day), before)
            if (rows, before) != (sealed.rows, sealed.digest):
                return date.fromisoformat(str(sealed.day))
    return None


def _rows_of(connection: Connection, day: date) -> Iterable[bytes]:
    begin = datetime.combine(day, time.min, UTC)
    query = select(EVENTS).where(EVENTS.c.occurred_at >= begin, EVENTS.c.occurred_at < begin + timedelta(days=1)).order_by(EVENTS.c.id)
    for row in connection.execute(query):
        head = f"{row.id}|{row.person_id}|{row.occurred_at.isoformat()}|{row.what}|"
        yield head.encode() + bytes(row.details_sealed)


def _digest(rows: Iterable[bytes], before: str) -> tuple[int, str]:
    digest, count = hashlib.sha256(before.encode()), 0
    for row in rows:
        digest.update(hashlib.sha256(row).digest())
        count += 1
    return count, digest.hexdigest()
