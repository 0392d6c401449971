"""Take over what the company register says: about one person when they need it, and from its events (RP-4, RP-5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.company import CompanyLook, CompanyMark
from identity.models.finders import PERSONS, find_active_facts, find_credentials, run_index
from identity.models.mandate import LIVE, EndReason, MandateState, Source
from identity.models.person import PersonState
from identity.operations import logout_notices, mandates, stages
from identity.operations.mandates import COMPANIES, MANDATES, MandateRow
from identity.providers.company_register import CompanyRegisterAway, Entry
from identity.standards import powers
from identity.standards.yes_no import begin_of_day
from shared.context import Transaction

log = structlog.get_logger("andamio.identity.companies")
LOOKS, MARKS = table_of(CompanyLook), table_of(CompanyMark)
ONE = 1
ACTOR = "company-register"


def look(identity: Identity, person_id: UUID) -> bool:
    """Ask the register for whom a person acts, and take the answer over; False while it is away: then what was known counts."""
    if not identity.settings.company_register_url:
        return False
    with identity.reading() as tx:
        facts = find_active_facts(tx.connection, identity.cipher, person_id)
        is_made_up = stages.trial_team_of(tx.connection, person_id) is not None
    if facts is None or is_made_up:
        return False
    try:
        entries = identity.company_register.entries_of(facts.run)
    except CompanyRegisterAway as away:
        log.warning("company register away", why=str(away))
        return False
    with identity.transaction() as tx:
        _lock_person(tx, person_id)
        for entry in entries:
            _take_over(identity, tx, person_id, entry)
        mine = (MANDATES.c.grantee_id == person_id, MANDATES.c.source == Source.REGISTRY, MANDATES.c.state.in_(LIVE))
        gone = MANDATES.c.evidence.not_in([entry.entry for entry in entries])
        for row in tx.connection.execute(select(MANDATES).where(*mine, gone).with_for_update()).all():
            mandates.end_row(identity, tx, row, MandateState.REVOKED, EndReason.REGISTRY, actor=ACTOR, channel="registry")
        looked = {"person_id": person_id, "looked_at": identity.clock.now()}
        tx.connection.execute(insert(LOOKS).values(looked).on_conflict_do_update(index_elements=["person_id"], set_=looked))
    return True


def follow(identity: Identity) -> int:
    """Take over what happened at the register since the last time; return how many events.  While it is away, nothing."""
    if not identity.settings.company_register_url:
        return 0
    with identity.reading() as tx:
        after = tx.connection.execute(select(func.coalesce(func.max(MARKS.c.number), 0))).scalar_one()
    try:
        changes = identity.company_register.changes(after)
    except CompanyRegisterAway as away:
        log.warning("company register away", why=str(away))
        return 0
    for change in changes:
        apply(identity, change.number, change.entry, in_force=change.in_force)
    return len(changes)


def apply(identity: Identity, number: int, entry: Entry, *, in_force: bool) -> None:
    """Take over one event about a person who is known here; a repeat changes nothing."""
    with identity.transaction() as tx:
        found = find_credentials(tx.connection, identity.cipher, entry.person)
        if found is not None and found.state in {PersonState.ACTIVE, PersonState.SUSPENDED}:
            _lock_person(tx, found.person_id)
            if in_force:
                _take_over(identity, tx, found.person_id, entry)
            elif (row := _find_live(tx, entry)) is not None:
                mandates.end_row(identity, tx, row, MandateState.REVOKED, EndReason.REGISTRY, actor=ACTOR, channel="registry")
        newest = func.greatest(MARKS.c.number, number)
        mark = insert(MARKS).values(id=ONE, number=number)
        tx.connection.execute(mark.on_conflict_do_update(index_elements=["id"], set_={"number": newest}))


def _lock_person(tx: Transaction, person_id: UUID) -> None:
    """Have two answers about one person taken over one after the other."""
    tx.connection.execute(select(PERSONS.c.id).where(PERSONS.c.id == person_id).with_for_update()).one()


def _find_live(tx: Transaction, entry: Entry) -> MandateRow | None:
    wanted = (MANDATES.c.source == Source.REGISTRY, MANDATES.c.evidence == entry.entry, MANDATES.c.state.in_(LIVE))
    return tx.connection.execute(select(MANDATES).where(*wanted).with_for_update()).one_or_none()


@dataclass(frozen=True)
class _Terms:
    """What an entry says, as a mandate keeps it."""

    powers: list[str]
    joint: int
    may_pass_on: bool
    valid_from: datetime
    valid_until: datetime | None


def _terms(entry: Entry) -> _Terms:
    until = begin_of_day(entry.valid_until + timedelta(days=1)) if entry.valid_until else None
    begin = begin_of_day(entry.valid_from)
    return _Terms(list(powers.known(entry.powers)), entry.joint, entry.may_pass_on, begin, until)


def _take_over(identity: Identity, tx: Transaction, person_id: UUID, entry: Entry) -> None:
    """Make or change the mandate of one entry; one that allows nothing we know is not kept."""
    company_id, terms, row, now = _company(identity, tx, entry), _terms(entry), _find_live(tx, entry), identity.clock.now()
    if row is not None:
        if _Terms(list(row.powers), row.joint, row.may_pass_on, row.valid_from, row.valid_until) != terms:
            tx.connection.execute(update(MANDATES).where(MANDATES.c.id == row.id).values(vars(terms)))
            tx.record(Event.MANDATE_CHANGED, actor=ACTOR, object_id=row.mandate_id, channel="registry")
            logout_notices.announce_loss(identity, tx, [row.id])  # what was granted under the terms of before
        return
    if not terms.powers or (terms.valid_until is not None and terms.valid_until <= now):
        return
    made = {
        "id": identity.ids.uuid7(),
        "mandate_id": "mdt_" + identity.ids.token(16),
        "company_id": company_id,
        "grantee_id": person_id,
        "grantee_index": run_index(identity.cipher, entry.person),
        "source": Source.REGISTRY,
        "evidence": entry.entry,
        "state": MandateState.ACTIVE,
        "created_at": now,
        **vars(terms),
    }
    tx.connection.execute(MANDATES.insert().values(made))
    tx.record(Event.MANDATE_REGISTERED, actor=ACTOR, object_id=str(made["mandate_id"]), channel="registry")
    mandates.tell_begun(identity, tx, mandates.lock(tx, str(made["mandate_id"])))


def _company(identity: Identity, tx: Transaction, entry: Entry) -> UUID:
    """Return the company of an entry, entered or renamed."""
    now, company_id = identity.clock.now(), identity.ids.uuid4()
    row = {"id": company_id, "rut": str(entry.rut), "name": entry.name, "created_at": now, "updated_at": now}
    statement = insert(COMPANIES).values(row)
    renamed = {"name": statement.excluded.name, "updated_at": now}
    made = tx.connection.execute(statement.on_conflict_do_update(index_elements=["rut"], set_=renamed).returning(COMPANIES.c.id))
    return UUID(str(made.scalar_one()))
