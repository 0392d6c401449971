"""What the operator does: block clients and persons, each with a reason that is kept (§3.12)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update

from identity.context import Identity
from identity.errors import RegisterNotFound
from identity.events import Event
from identity.models.activation import ActivationCode
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.finders import PERSONS, find_credentials
from identity.models.grant import Grant
from identity.models.person import PersonState
from identity.operations import account_events, logout_notices, sessions
from shared.clock import rfc3339
from shared.run import Run

CLIENTS, GRANTS, CODES = table_of(Client), table_of(Grant), table_of(ActivationCode)
DAY = timedelta(days=1)
OUTLIER_MIN = 10
OUTLIER_TIMES = 3


@dataclass(frozen=True)
class Issuances:
    """How many activation codes one officer gave out at one place in the last day; `is_outlier` far more than the others."""

    officer_id: UUID
    org_id: str
    count: int
    is_outlier: bool


def set_client_blocked(identity: Identity, client_id: str, *, blocked: bool, reason: str, operator_id: UUID) -> None:
    """Block a client: its tokens die and processes notice within the cache's second or two.  Raises: RegisterNotFound."""
    now = identity.clock.now()
    with identity.transaction() as tx:
        state = "blocked" if blocked else "active"
        changed = tx.connection.execute(update(CLIENTS).where(CLIENTS.c.client_id == client_id).values(state=state).returning(CLIENTS.c.id))
        row = changed.one_or_none()
        if row is None:
            raise RegisterNotFound("The register has no such client.")
        if blocked:
            live = (GRANTS.c.client_id == row.id, GRANTS.c.revoked_at.is_(None))
            tx.connection.execute(update(GRANTS).where(*live).values(revoked_at=now))
        event = Event.CLIENT_BLOCKED if blocked else Event.CLIENT_UNBLOCKED
        tx.record(event, actor=f"person:{operator_id}", object_id=client_id, channel="web", data={"reason": reason})
    identity.clients.forget()


def list_blocked(identity: Identity) -> list[str]:
    """Return the ids of blocked clients."""
    with identity.reading() as tx:
        return list(
            tx.connection.execute(select(CLIENTS.c.client_id).where(CLIENTS.c.state == "blocked").order_by(CLIENTS.c.client_id)).scalars()
        )


def set_person_suspended(identity: Identity, run: Run, *, suspended: bool, reason: str, operator_id: UUID) -> None:
    """Suspend a person, whose sessions end at once, or let them in again.  Raises: RegisterNotFound."""
    with identity.transaction() as tx:
        found = find_credentials(tx.connection, identity.cipher, run)
        if found is None or found.state not in {PersonState.ACTIVE, PersonState.SUSPENDED}:
            raise RegisterNotFound("The register has no such person.")
        state = PersonState.SUSPENDED if suspended else PersonState.ACTIVE
        tx.connection.execute(update(PERSONS).where(PERSONS.c.id == found.person_id).values(state=state))
        if suspended:
            sessions.end_sessions_of(identity, tx, found.person_id)
        account_events.tell(identity, tx, found.person_id, account_events.DISABLED if suspended else account_events.ENABLED)
        data = {"state": str(state), "reason": reason}
        tx.record(Event.PERSON_STATE_CHANGED, actor=f"person:{operator_id}", subject=f"cl-run:{run}", channel="web", data=data)


def revoke_between(identity: Identity, since: datetime, until: datetime, *, client_id: str, reason: str, operator_id: UUID) -> int:
    """End what was granted in a span of time, at one client or at all; return how many grants ended (§3.12).

    Raises: RegisterNotFound for an unknown client.
    """
    with identity.transaction() as tx:
        which: list[ColumnElement[bool]] = [GRANTS.c.created_at >= since, GRANTS.c.created_at <= until]
        if client_id:
            row = tx.connection.execute(select(CLIENTS.c.id).where(CLIENTS.c.client_id == client_id)).one_or_none()
            if row is None:
                raise RegisterNotFound("The register has no such client.")
            which.append(GRANTS.c.client_id == row.id)
        ended = logout_notices.announce_revoked(identity, tx, *which)
        data: dict[str, str | int | bool | list[str]] = {"since": rfc3339(since), "until": rfc3339(until), "ended": ended, "reason": reason}
        tx.record(Event.GRANTS_REVOKED, actor=f"person:{operator_id}", object_id=client_id or "all", channel="web", data=data)
    return ended


def list_outliers(identity: Identity) -> list[Issuances]:
    """Return the day's report of activation codes per officer and place, the most first (§3.6, step 8)."""
    since = identity.clock.now() - DAY
    number = func.count().label("number")
    query = select(CODES.c.issued_by, CODES.c.org_id, number).where(CODES.c.created_at > since).group_by(CODES.c.issued_by, CODES.c.org_id)
    with identity.reading() as tx:
        rows = tx.connection.execute(query.order_by(number.desc())).all()
    counts = sorted(row.number for row in rows)
    middle = counts[len(counts) // 2] if counts else 0
    return [Issuances(row.issued_by, row.org_id, row.number, _is_outlier(row.number, middle, len(counts))) for row in rows]


def _is_outlier(count: int, middle: int, officers: int) -> bool:
    return count >= OUTLIER_MIN and (officers == 1 or count >= OUTLIER_TIMES * middle)
