"""Accounts follow the civil registry: names change, people die (ID-12)."""

from dataclasses import replace

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.finders import PERSONS, find_credentials, open_facts, seal_facts
from identity.models.history import What
from identity.models.mandate import EndReason
from identity.models.person import PersonState
from identity.models.registry_mark import RegistryMark
from identity.operations import account_events, history, mandates, notices, sessions
from identity.providers.civil_registry import Change, RegistryAway

log = structlog.get_logger("andamio.identity.registry")
MARKS = table_of(RegistryMark)
ONE = 1


def follow(identity: Identity) -> int:
    """Take over what happened at the registry since the last time; return how many events.  While it is away, nothing."""
    with identity.reading() as tx:
        after = tx.connection.execute(select(func.coalesce(func.max(MARKS.c.number), 0))).scalar_one()
    try:
        changes = identity.civil_registry.changes(after)
    except RegistryAway as away:
        log.warning("registry away", why=str(away))
        return 0
    for change in changes:
        apply(identity, change)
    return len(changes)


def apply(identity: Identity, change: Change) -> None:
    """Take over one event; a repeat changes nothing."""
    with identity.transaction() as tx:
        found = find_credentials(tx.connection, identity.cipher, change.run)
        if found is not None and found.state is not PersonState.DECEASED:
            row = tx.connection.execute(
                select(PERSONS.c.facts_sealed, PERSONS.c.updated_at).where(PERSONS.c.id == found.person_id).with_for_update()
            ).one()
            facts = open_facts(identity.cipher, found.person_id, row.facts_sealed, row.updated_at)
            names = (change.given_names, change.family_names)
            if not change.alive:
                tx.connection.execute(update(PERSONS).where(PERSONS.c.id == found.person_id).values(state=PersonState.DECEASED))
                sessions.end_sessions_of(identity, tx, found.person_id)
                mandates.end_all_of(identity, tx, found.person_id, EndReason.DEATH, actor="registry", channel="registry")
                account_events.tell(identity, tx, found.person_id, account_events.DECEASED)
                tx.record(Event.PERSON_STATE_CHANGED, actor="registry", subject=f"cl-run:{change.run}", data={"state": "deceased"})
            elif names != (facts.given_names, facts.family_names):
                renamed = replace(facts, given_names=change.given_names, family_names=change.family_names)
                values = {"facts_sealed": seal_facts(identity.cipher, found.person_id, renamed), "updated_at": identity.clock.now()}
                tx.connection.execute(update(PERSONS).where(PERSONS.c.id == found.person_id).values(values))
                tx.record(Event.PERSON_RENAMED, actor="registry", subject=f"cl-run:{change.run}", object_id=str(found.person_id))
                history.note(identity, tx, found.person_id, What.DATA_CHANGED, {"channel": "registry"})
                notices.tell(identity, tx, found.person_id, notices.Kind.DATA_CHANGED)
        mark = {"id": ONE, "number": change.number}
        newest = func.greatest(MARKS.c.number, change.number)
        tx.connection.execute(insert(MARKS).values(mark).on_conflict_do_update(index_elements=["id"], set_={"number": newest}))
