"""Assisted sessions as agents, the person helped, and the operator see them (AS-5, AS-8)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from identity.context import Identity
from identity.models.assisted import UNDER_WAY, AssistedState
from identity.operations import assisted_sessions
from identity.operations.assisted_sessions import ASSISTED, AssistedRow, code_index
from identity.operations.refusals import AssistanceNotFound
from shared.transaction import Transaction

DAY, SHOWN_FOR, SHOWN_MAX = timedelta(days=1), timedelta(days=730), 100
OUTLIER_MIN, OUTLIER_TIMES = 20, 3


@dataclass(frozen=True)
class View:
    """One session in words: which office helps with which service, why, and what may be done."""

    assisted_id: str
    state: AssistedState
    service: str
    office: str
    place: str
    reason: str
    actions: tuple[str, ...]
    channel: str
    begun_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Helped:
    """How many persons one agent helped in the last day; `is_outlier` far more than the others, `objected` how many did not want it."""

    agent_id: UUID
    org_id: str
    count: int
    objected: int
    is_outlier: bool


def _view(identity: Identity, tx: Transaction, row: AssistedRow) -> View:
    service, office = assisted_sessions.service_of(tx.connection, row)
    return View(
        row.assisted_id,
        AssistedState(row.state),
        service,
        office,
        row.office,
        assisted_sessions.reason_of(identity, row),
        tuple(row.actions),
        row.channel,
        row.created_at,
        row.expires_at,
    )


def _list(identity: Identity, *wanted: ColumnElement[bool]) -> list[View]:
    with identity.reading() as tx:
        query = select(ASSISTED).where(*wanted).order_by(ASSISTED.c.created_at.desc()).limit(SHOWN_MAX)
        return [_view(identity, tx, row) for row in tx.connection.execute(query).all()]


def of_agent(identity: Identity, agent_id: UUID) -> list[View]:
    """Return the sessions that an agent has under way; whom they help is not listed, the person is before them."""
    mine = or_(ASSISTED.c.agent_id == agent_id, ASSISTED.c.second_id == agent_id)
    return _list(identity, mine, ASSISTED.c.state.in_(UNDER_WAY), ASSISTED.c.expires_at > identity.clock.now())


def waiting_in(identity: Identity, org_ids: list[str], agent_id: UUID) -> list[View]:
    """Return the sessions of colleagues that wait for a second pair of eyes."""
    waits = (ASSISTED.c.state == AssistedState.WAITING, ASSISTED.c.expires_at > identity.clock.now())
    return _list(identity, ASSISTED.c.org_id.in_(org_ids), ASSISTED.c.agent_id != agent_id, *waits)


def of_person(identity: Identity, person_id: UUID) -> list[View]:
    """Return who helped a person in the last two years."""
    since = ASSISTED.c.created_at > identity.clock.now() - SHOWN_FOR
    return _list(identity, ASSISTED.c.person_id == person_id, ASSISTED.c.opened_at.is_not(None), since)


def by_receipt(identity: Identity, code: str) -> View:
    """Return what a paper receipt is about.  Raises: AssistanceNotFound."""
    with identity.reading() as tx:
        wanted = (ASSISTED.c.receipt_index == code_index(identity, code[:32]), ASSISTED.c.opened_at.is_not(None))
        row = tx.connection.execute(select(ASSISTED).where(*wanted)).one_or_none()
        if row is None:
            raise AssistanceNotFound
        return _view(identity, tx, row)


def report(identity: Identity) -> list[Helped]:
    """Return the day's report of help per agent and office, the most first (AS-8)."""
    since = ASSISTED.c.opened_at > identity.clock.now() - DAY
    objected = func.count().filter(ASSISTED.c.state == AssistedState.OBJECTED).label("objected")
    number = func.count().label("number")
    query = select(ASSISTED.c.agent_id, ASSISTED.c.org_id, number, objected).where(since)
    with identity.reading() as tx:
        rows = tx.connection.execute(query.group_by(ASSISTED.c.agent_id, ASSISTED.c.org_id).order_by(number.desc())).all()
    counts = sorted(row.number for row in rows)
    middle = counts[len(counts) // 2] if counts else 0
    return [Helped(row.agent_id, row.org_id, row.number, row.objected, _is_outlier(row.number, middle, len(counts))) for row in rows]


def _is_outlier(count: int, middle: int, agents: int) -> bool:
    return count >= OUTLIER_MIN and (agents == 1 or count >= OUTLIER_TIMES * middle)


def to_review(identity: Identity) -> list[View]:
    """Return the sessions of the last week that the lot picked, or to which their person objected (AS-8)."""
    since = ASSISTED.c.created_at > identity.clock.now() - 7 * DAY
    return _list(identity, ASSISTED.c.to_review.is_(True), ASSISTED.c.opened_at.is_not(None), since)
