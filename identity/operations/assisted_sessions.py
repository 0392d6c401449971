"""Assisted sessions: find them and move them on.  What ends one ends its tokens in the same transaction (AS-4, AS-5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, or_, select, update

from identity.context import Identity
from identity.models.assisted import ASSISTED_STATES, UNDER_WAY, AssistedSession, AssistedState, Proof
from identity.models.base import table_of
from identity.models.client_store import CLIENTS, ORGANISATIONS, SERVICES
from identity.models.finders import PERSONS, find_active_facts, person_scope
from identity.models.history import What
from identity.models.organisation import Role
from identity.models.person import PersonState
from identity.operations import history, logout_notices, notices
from identity.operations.notices import Kind
from identity.operations.refusals import AssistanceNotFound
from identity.standards import acr, one_time_codes
from shared.crypto import CannotDecrypt
from shared.transaction import Transaction

ASSISTED = table_of(AssistedSession)
LIFE = timedelta(minutes=30)
PURPOSE = "assisted-code"
AssistedRow = Row[Any]  # a row of Core has no type of its own


@dataclass(frozen=True)
class Help:
    """An open session as the chooser offers it to its agent."""

    assisted_id: str
    row_id: UUID
    person_id: UUID
    name: str
    actions: tuple[str, ...]


def code_index(identity: Identity, code: str) -> bytes:
    """Return the keyed hash by which a join or receipt code is kept."""
    return identity.cipher.blind_index(one_time_codes.canonical(code), purpose=PURPOSE)


def lock(tx: Transaction, row_id: UUID) -> AssistedRow:
    """Read and lock a session."""
    return tx.connection.execute(select(ASSISTED).where(ASSISTED.c.id == row_id).with_for_update()).one()


def lock_by_name(tx: Transaction, assisted_id: str) -> AssistedRow:
    """Read and lock a session by its public id.  Raises: AssistanceNotFound."""
    row = tx.connection.execute(select(ASSISTED).where(ASSISTED.c.assisted_id == assisted_id).with_for_update()).one_or_none()
    if row is None:
        raise AssistanceNotFound
    return row


def open_for(identity: Identity, connection: Connection, agent_id: UUID, client_id: UUID) -> list[Help]:
    """Return the open sessions in which somebody helps at a client, alone or as the second."""
    mine = or_(ASSISTED.c.agent_id == agent_id, ASSISTED.c.second_id == agent_id)
    wanted = (mine, ASSISTED.c.client_id == client_id, ASSISTED.c.state == AssistedState.OPEN, ASSISTED.c.expires_at > identity.clock.now())
    joined = ASSISTED.join(PERSONS, (PERSONS.c.id == ASSISTED.c.person_id) & (PERSONS.c.state == PersonState.ACTIVE))
    rows = connection.execute(select(ASSISTED).select_from(joined).where(*wanted).order_by(ASSISTED.c.opened_at)).all()
    found = []
    for row in rows:
        facts = find_active_facts(connection, identity.cipher, row.person_id)
        found.append(Help(row.assisted_id, row.id, row.person_id, facts.full_name if facts else "", tuple(row.actions)))
    return found


def reason_of(identity: Identity, row: AssistedRow) -> str:
    """Return why help was given; empty once the person was erased."""
    try:
        return identity.cipher.decrypt(row.reason_sealed, scope=person_scope(row.person_id or row.agent_id))
    except CannotDecrypt:
        return ""


def service_of(connection: Connection, row: AssistedRow) -> tuple[str, str]:
    """Return the names of a session's service, and of the office that helps."""
    joined = CLIENTS.join(SERVICES, CLIENTS.c.service_id == SERVICES.c.id)
    service = connection.execute(select(SERVICES.c.name).select_from(joined).where(CLIENTS.c.id == row.client_id)).scalar_one()
    office = connection.execute(select(ORGANISATIONS.c.name).where(ORGANISATIONS.c.org_id == row.org_id)).scalar_one_or_none()
    return str(service), str(office or row.org_id)


@dataclass(frozen=True)
class OwnProof:
    """How a person proved themselves on their own device."""

    acr: str
    amr: Sequence[str]
    auth_time: datetime


def open_row(identity: Identity, tx: Transaction, row: AssistedRow, *, actor: str, own: OwnProof | None = None, **values: object) -> None:
    """Open a locked session: half an hour runs, its person is told and finds it in their history (AS-3…AS-5).

    A helper's stays at the assisted level, whatever the person showed (AS-7).
    """
    now = identity.clock.now()
    action = ASSISTED_STATES.check(AssistedState(row.state), AssistedState.OPEN)
    opened: dict[str, object] = {"state": AssistedState.OPEN, "opened_at": now, "expires_at": now + LIFE, **values}
    if own is not None and row.role != Role.HELPER:
        opened |= {"acr": own.acr, "amr": list(own.amr), "auth_time": own.auth_time}
    tx.connection.execute(update(ASSISTED).where(ASSISTED.c.id == row.id).values(opened))
    data: dict[str, str | int | bool | list[str]] = {"proof": row.proof, "actions": list(row.actions), "role": row.role}
    tx.record(action, actor=actor, object_id=row.assisted_id, channel=row.channel, on_behalf_of=f"person:{row.person_id}", data=data)
    tell_opened(identity, tx, row)


def tell_opened(identity: Identity, tx: Transaction, row: AssistedRow) -> None:
    """Have the person told at once, in their history and by message (AS-5)."""
    service, office = service_of(tx.connection, row)
    reason = reason_of(identity, row)
    told = {"service": service, "organisation": office, "agent": office, "reason": reason, "channel": row.channel, "method": row.proof}
    history.note(identity, tx, row.person_id, What.ASSISTED, told)
    notices.tell(identity, tx, row.person_id, Kind.ASSISTED, who=office, service=service, reason=reason)


def end_row(identity: Identity, tx: Transaction, row: AssistedRow, target: AssistedState, *, actor: str) -> None:
    """End a locked session, or note that its person objects: its tokens die.  Raises: WrongState."""
    action = ASSISTED_STATES.check(AssistedState(row.state), target)
    ended = {"state": target, "ended_at": row.ended_at or identity.clock.now()}
    if target is AssistedState.OBJECTED:
        ended["to_review"] = True
    tx.connection.execute(update(ASSISTED).where(ASSISTED.c.id == row.id).values(ended))
    logout_notices.announce_help_over(identity, tx, row.id)
    tx.record(action, actor=actor, object_id=row.assisted_id, channel=row.channel)


def answered(identity: Identity, tx: Transaction, row_id: UUID, own: OwnProof | None) -> None:
    """Take the person's answer from their own device: how they proved themselves, or None for no (AS-2)."""
    row = lock(tx, row_id)
    if row.state != AssistedState.ASKED:
        return
    if own is None:
        end_row(identity, tx, row, AssistedState.REFUSED, actor=f"person:{row.person_id}")
    else:
        open_row(identity, tx, row, actor=f"person:{row.person_id}", own=own)


def expire_due(identity: Identity) -> int:
    """End the sessions whose time is over; return how many."""
    with identity.transaction() as tx:
        over = (ASSISTED.c.state.in_(UNDER_WAY), ASSISTED.c.expires_at <= identity.clock.now())
        rows = tx.connection.execute(select(ASSISTED).where(*over).limit(500).with_for_update(skip_locked=True)).all()
        for row in rows:
            end_row(identity, tx, row, AssistedState.EXPIRED, actor="identity")
    return len(rows)


def columns_of_grant(row: AssistedRow, *, act: dict[str, object]) -> dict[str, object]:
    """Return the columns of a grant in which the person is helped: they are its subject, nothing outlives the session (AS-3, AS-4)."""
    assist = {"session": row.assisted_id, "actions": list(row.actions), "until": int(row.expires_at.timestamp()), "channel": row.channel}
    return {
        "person_id": row.person_id,
        "assisted_id": row.id,
        "offline": False,
        "auth_time": row.auth_time or row.opened_at,
        "acr": row.acr or acr.ASSISTED,
        "amr": list(row.amr),
        "vot": None,
        "act": act,
        "assist": assist | {"proof": row.proof},
    }


def is_open(identity: Identity, row: AssistedRow) -> bool:
    """Answer whether a session counts now."""
    return bool(row.state == AssistedState.OPEN and row.expires_at > identity.clock.now())


NEEDS_ASKING = frozenset({Proof.DEVICE})
"""Proofs that come after the agent has asked."""
