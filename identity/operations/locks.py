"""Unlocking: by waiting, by a passkey, by recovery or at a counter; each is told and stands in the history (LK-7)."""

from uuid import UUID

from sqlalchemy import Connection, select

from identity.context import Identity
from identity.events import Event
from identity.models.finders import PERSONS, open_facts
from identity.models.history import What
from identity.operations import history, notices, throttles
from identity.operations.throttles import THROTTLES, throttle_key
from shared.transaction import Transaction


def unlock(identity: Identity, tx: Transaction, person_id: UUID, *, how: str) -> None:
    """Let the password count again in unknown browsers, where strangers had used its tries up; `how` is passkey, recovery or counter."""
    key = throttle_key(identity, "password", _run(identity, tx.connection, person_id), None)
    row = tx.connection.execute(THROTTLES.delete().where(THROTTLES.c.key == key).returning(THROTTLES)).one_or_none()
    if row is not None and (row.wait_until is not None or row.consecutive_failures >= throttles.CONSECUTIVE_MAX):
        note_unlocked(identity, tx, person_id, how=how)


def note_unlocked(identity: Identity, tx: Transaction, person_id: UUID, *, how: str) -> None:
    """Have a person know that signing in by password works again."""
    tx.record(Event.LOGIN_UNBLOCKED, actor=f"person:{person_id}", object_id=str(person_id), data={"by": how})
    history.note(identity, tx, person_id, What.UNBLOCKED, {"method": [how]})
    notices.tell(identity, tx, person_id, notices.Kind.LOGIN_UNBLOCKED)


def _run(identity: Identity, connection: Connection, person_id: UUID) -> str:
    row = connection.execute(select(PERSONS.c.facts_sealed, PERSONS.c.updated_at).where(PERSONS.c.id == person_id)).one()
    return str(open_facts(identity.cipher, person_id, row.facts_sealed, row.updated_at).run)
