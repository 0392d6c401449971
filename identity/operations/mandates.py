"""Mandates: find them, and move them on.  A move that ends what may be done ends its tokens in the same transaction (RP-5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, update

from identity.context import Identity
from identity.models.base import table_of
from identity.models.company import Company
from identity.models.finders import PERSONS, open_facts
from identity.models.history import What
from identity.models.mandate import LIVE, MANDATE_STATES, EndReason, Mandate, MandateState, Source
from identity.models.person import PersonState
from identity.operations import account_events, history, logout_notices, notices
from identity.operations.notices import Kind
from identity.operations.refusals import MandateNotFound, MandateRefused
from identity.standards import powers
from shared.transaction import Transaction
from shared.web.words import gettext_noop

MANDATES, COMPANIES = table_of(Mandate), table_of(Company)
PARENTS = MANDATES.alias("parents")
EXPIRED_AT_ONCE = 500
MandateRow = Row[Any]  # a row of Core has no type of its own
ASK_REGISTER = gettext_noop("This permission comes from a register. It ends there, and then here within a minute.")


@dataclass(frozen=True)
class Principal:
    """Whom a mandate is for: a company or a person; `number` is RUT or RUN."""

    kind: str
    id: UUID
    name: str
    number: str


def name_of(identity: Identity, connection: Connection, person_id: UUID) -> str:
    """Return a person's whole name, in whatever state the account is; empty for one who was erased."""
    row = connection.execute(select(PERSONS).where(PERSONS.c.id == person_id)).one()
    if row.state == PersonState.ERASED:
        return ""
    return open_facts(identity.cipher, person_id, row.facts_sealed, row.updated_at).full_name


def principal_of(identity: Identity, connection: Connection, row: MandateRow) -> Principal:
    """Return whom a mandate is for; of a person who was erased neither name nor number is left."""
    if row.company_id is not None:
        company = connection.execute(select(COMPANIES).where(COMPANIES.c.id == row.company_id)).one()
        return Principal("company", company.id, company.name, company.rut)
    person = connection.execute(select(PERSONS).where(PERSONS.c.id == row.principal_id)).one()
    if person.state == PersonState.ERASED:
        return Principal("person", person.id, "", "")
    facts = open_facts(identity.cipher, person.id, person.facts_sealed, person.updated_at)
    return Principal("person", person.id, facts.full_name, str(facts.run))


def in_force(now: datetime) -> Any:  # SQLAlchemy's own type of a condition
    """Return the condition under which a mandate counts now; one that was passed on counts while its parent does."""
    lasts = (MANDATES.c.valid_from <= now) & (MANDATES.c.valid_until.is_(None) | (MANDATES.c.valid_until > now))
    parent_lasts = (PARENTS.c.state == MandateState.ACTIVE) & (PARENTS.c.valid_until.is_(None) | (PARENTS.c.valid_until > now))
    principal_is_there = MANDATES.c.company_id.is_not(None) | PERSONS.c.state.in_((PersonState.ACTIVE, PersonState.PENDING))
    return (MANDATES.c.state == MandateState.ACTIVE) & lasts & (MANDATES.c.parent_id.is_(None) | parent_lasts) & principal_is_there


JOINED = MANDATES.outerjoin(PARENTS, MANDATES.c.parent_id == PARENTS.c.id).outerjoin(PERSONS, MANDATES.c.principal_id == PERSONS.c.id)


def find_in_force(identity: Identity, connection: Connection, row_id: UUID) -> MandateRow | None:
    """Return a mandate that counts now, or None."""
    query = select(MANDATES).select_from(JOINED).where(MANDATES.c.id == row_id, in_force(identity.clock.now()))
    return connection.execute(query).one_or_none()


def list_in_force(identity: Identity, connection: Connection, person_id: UUID) -> list[MandateRow]:
    """Return the mandates by which a person may act for others now, the oldest first."""
    query = select(MANDATES).select_from(JOINED).where(MANDATES.c.grantee_id == person_id, in_force(identity.clock.now()))
    return list(connection.execute(query.order_by(MANDATES.c.created_at, MANDATES.c.id)))


def managed_companies(identity: Identity, connection: Connection, person_id: UUID) -> set[UUID]:
    """Return the companies whose permissions a person may give and end alone: where two must sign, the register does it (RP-6)."""
    held = list_in_force(identity, connection, person_id)
    return {row.company_id for row in held if row.company_id and row.joint == 1 and powers.MANAGE in row.powers}


def grantors_of(identity: Identity, connection: Connection, row: MandateRow) -> list[UUID]:
    """Return the persons who are told and may look on the giving side: the person, or those who manage the company's permissions."""
    if row.principal_id is not None:
        return [row.principal_id]
    query = select(MANDATES.c.grantee_id).select_from(JOINED).where(MANDATES.c.company_id == row.company_id, in_force(identity.clock.now()))
    managers = connection.execute(query.where(MANDATES.c.joint == 1, MANDATES.c.powers.contains([powers.MANAGE]))).scalars().all()
    return [person_id for person_id in dict.fromkeys(managers) if person_id != row.grantee_id]


def lock(tx: Transaction, mandate_id: str) -> MandateRow:
    """Read and lock a mandate by its public id.  Raises: MandateNotFound."""
    row = tx.connection.execute(select(MANDATES).where(MANDATES.c.mandate_id == mandate_id).with_for_update()).one_or_none()
    if row is None:
        raise MandateNotFound
    return row


def side_of(identity: Identity, tx: Transaction, row: MandateRow, person_id: UUID) -> EndReason:
    """Return on which side of a mandate a person stands: the grantee's or the grantor's.  Raises: MandateNotFound."""
    index = tx.connection.execute(select(PERSONS.c.run_index).where(PERSONS.c.id == person_id)).scalar_one()
    if bytes(row.grantee_index) == bytes(index):
        return EndReason.GRANTEE
    if person_id == row.principal_id or row.company_id in managed_companies(identity, tx.connection, person_id):
        return EndReason.GRANTOR
    if row.parent_id is not None and person_id == row.given_by:
        return EndReason.GRANTOR
    raise MandateNotFound


def end(identity: Identity, person_id: UUID, mandate_id: str) -> None:
    """End a mandate from either side, or refuse an offer.  Raises: MandateNotFound, MandateRefused, WrongState."""
    with identity.transaction() as tx:
        row = lock(tx, mandate_id)
        side = side_of(identity, tx, row, person_id)
        _refuse_of_register(row)
        refused = side is EndReason.GRANTEE and row.state == MandateState.OFFERED
        end_row(identity, tx, row, MandateState.REVOKED, EndReason.REFUSED if refused else side, actor=f"person:{person_id}")


def _refuse_of_register(row: MandateRow) -> None:
    if row.source != Source.GRANTED:
        raise MandateRefused(ASK_REGISTER)


def set_suspended(identity: Identity, person_id: UUID, mandate_id: str, *, suspended: bool) -> None:
    """Suspend a mandate from the grantor's side, or let it count again.  Raises: MandateNotFound, MandateRefused, WrongState."""
    with identity.transaction() as tx:
        row = lock(tx, mandate_id)
        if side_of(identity, tx, row, person_id) is not EndReason.GRANTOR:
            raise MandateNotFound
        _refuse_of_register(row)
        target = MandateState.SUSPENDED if suspended else MandateState.ACTIVE
        if row.state == MandateState.OFFERED:
            raise MandateRefused(gettext_noop("It was not accepted yet."))
        action = MANDATE_STATES.check(MandateState(row.state), target)
        tx.connection.execute(update(MANDATES).where(MANDATES.c.id == row.id).values(state=target))
        tx.record(action, actor=f"person:{person_id}", object_id=row.mandate_id, channel="web")
        if suspended:
            _announce_loss(identity, tx, row, *_children(tx, row.id))
        kinds = (Kind.MANDATE_ENDED, What.MANDATE_ENDED) if suspended else (Kind.MANDATE_BEGUN, What.MANDATE_MADE)
        _tell_both(identity, tx, row, *kinds)


def end_row(
    identity: Identity, tx: Transaction, row: MandateRow, target: MandateState, reason: EndReason, *, actor: str, channel: str = "web"
) -> None:
    """End a locked mandate and what was passed on from it: tokens die, both sides are told and find it in their history."""
    action = MANDATE_STATES.check(MandateState(row.state), target)
    ended = {"state": target, "end_reason": reason, "ended_at": identity.clock.now()}
    tx.connection.execute(update(MANDATES).where(MANDATES.c.id == row.id).values(ended))
    tx.record(action, actor=actor, object_id=row.mandate_id, channel=channel, data={"reason": str(reason)})
    _announce_loss(identity, tx, row)
    _tell_both(identity, tx, row, Kind.MANDATE_ENDED, What.MANDATE_ENDED)
    passed_on = select(MANDATES).where(MANDATES.c.parent_id == row.id, MANDATES.c.state.in_(LIVE)).with_for_update()
    for child in tx.connection.execute(passed_on).all():
        end_row(identity, tx, child, MandateState.REVOKED, EndReason.PARENT, actor=actor, channel=channel)


def _announce_loss(identity: Identity, tx: Transaction, *rows: MandateRow) -> None:
    """End what rests on mandates, and tell who relies on them: clients with a session, and receivers of events."""
    logout_notices.announce_loss(identity, tx, [row.id for row in rows])
    for row in rows:
        if row.grantee_id is not None:
            account_events.tell(identity, tx, row.grantee_id, account_events.MANDATE_ENDED, mandate_id=row.mandate_id)


def _children(tx: Transaction, row_id: UUID) -> Iterable[MandateRow]:
    return tx.connection.execute(select(MANDATES).where(MANDATES.c.parent_id == row_id, MANDATES.c.state.in_(LIVE))).all()


def _tell_both(identity: Identity, tx: Transaction, row: MandateRow, kind: Kind, what: What) -> None:
    """Write a mandate's news into both histories, and have both told."""
    principal = principal_of(identity, tx.connection, row)
    if row.grantee_id is not None:
        history.note(identity, tx, row.grantee_id, what, {"acting_for": principal.name})
        notices.tell(identity, tx, row.grantee_id, kind, who=principal.name)
    for person_id in grantors_of(identity, tx.connection, row):
        grantee = name_of(identity, tx.connection, row.grantee_id) if row.grantee_id else ""
        history.note(identity, tx, person_id, what, {"agent": grantee, "acting_for": principal.name})
        notices.tell(identity, tx, person_id, kind, who=grantee or principal.name)


def tell_begun(identity: Identity, tx: Transaction, row: MandateRow) -> None:
    """Have both sides know that a mandate counts from now on."""
    _tell_both(identity, tx, row, Kind.MANDATE_BEGUN, What.MANDATE_MADE)


def end_all_of(identity: Identity, tx: Transaction, person_id: UUID, reason: EndReason, *, actor: str, channel: str) -> None:
    """End what a person who died or was erased gave, and what they had (RP-7)."""
    mine = (MANDATES.c.principal_id == person_id) | (MANDATES.c.grantee_id == person_id)
    for row in tx.connection.execute(select(MANDATES).where(mine, MANDATES.c.state.in_(LIVE)).with_for_update()).all():
        state = tx.connection.execute(select(MANDATES.c.state).where(MANDATES.c.id == row.id)).scalar_one()
        if state in LIVE:  # it may have ended with its parent, a moment ago
            end_row(identity, tx, row, MandateState.REVOKED, reason, actor=actor, channel=channel)


def expire_due(identity: Identity) -> int:
    """End the mandates whose time is over; return how many."""
    now = identity.clock.now()
    with identity.transaction() as tx:
        over = (MANDATES.c.state.in_(LIVE), MANDATES.c.valid_until <= now)
        query = select(MANDATES).where(*over).order_by(MANDATES.c.valid_until).limit(EXPIRED_AT_ONCE).with_for_update(skip_locked=True)
        rows = tx.connection.execute(query).all()
        for row in rows:
            state = tx.connection.execute(select(MANDATES.c.state).where(MANDATES.c.id == row.id)).scalar_one()
            if state in LIVE:
                end_row(identity, tx, row, MandateState.EXPIRED, EndReason.TIME, actor="identity", channel="system")
    return len(rows)
