"""Take over what the registers say of who acts for whom: about one person when they need it, and from their events (RP-4, RP-5)."""

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
from identity.models.finders import PERSONS, find_active_facts, find_credentials, run_index, seal_facts
from identity.models.mandate import LIVE, EndReason, MandateState, Source
from identity.models.person import PersonState
from identity.operations import logout_notices, mandates, stages
from identity.operations.mandates import COMPANIES, MANDATES, MandateRow
from identity.providers.mandate_registers import (
    COMPANY,
    COURT,
    FAMILY,
    Entry,
    Ground,
    MandateRegisterAway,
    NamedCompany,
    NamedPerson,
)
from identity.standards import powers
from identity.standards.oidc_claims import Facts
from identity.standards.yes_no import begin_of_day, birthday
from shared.run import Run
from shared.transaction import Transaction
from shared.web.words import gettext_noop

log = structlog.get_logger("andamio.identity.registers")
LOOKS, MARKS = table_of(CompanyLook), table_of(CompanyMark)
SOURCES = {COMPANY: Source.REGISTRY, FAMILY: Source.REGISTRY, COURT: Source.COURT}
MARK_OF = {COMPANY: 1, FAMILY: 2, COURT: 3}
"""The row that says how far a register's events were taken over."""
ITS_OWN = {
    COMPANY: (MANDATES.c.source == Source.REGISTRY) & MANDATES.c.company_id.is_not(None),
    FAMILY: (MANDATES.c.source == Source.REGISTRY) & MANDATES.c.principal_id.is_not(None),
    COURT: MANDATES.c.source == Source.COURT,
}
"""The mandates of which a register decides."""
FULL_AGE = 18
UNTIL_FULL_AGE = frozenset({Ground.PARENT, Ground.GUARDIAN})
AWAY = {
    COMPANY: gettext_noop(
        "The company register does not answer now. What it said before counts. If a company is missing, try again later."
    ),
    FAMILY: gettext_noop("The civil registry does not answer now. What it said before counts. If a child is missing, try again later."),
    COURT: gettext_noop("The courts' register does not answer now. What it said before counts. If somebody is missing, try again later."),
}
"""What a person reads while a register is away."""


def look(identity: Identity, person_id: UUID) -> list[str]:
    """Ask each register for whom a person acts, and take the answers over; return what to tell of those that are away.

    Of a register that is away, what was known counts.
    """
    with identity.reading() as tx:
        facts = find_active_facts(tx.connection, identity.cipher, person_id)
        is_made_up = stages.trial_team_of(tx.connection, person_id) is not None
    if facts is None or is_made_up or not identity.mandate_registers:
        return []
    away = [name for name in identity.mandate_registers if not _ask(identity, name, person_id, facts.run)]
    if not away:
        looked = {"person_id": person_id, "looked_at": identity.clock.now()}
        with identity.transaction() as tx:
            tx.connection.execute(insert(LOOKS).values(looked).on_conflict_do_update(index_elements=["person_id"], set_=looked))
    return [AWAY[name] for name in away]


def _ask(identity: Identity, register: str, person_id: UUID, run: Run) -> bool:
    """Take over what one register says about a person; False while it is away."""
    try:
        entries = identity.mandate_registers[register].entries_of(run)
    except MandateRegisterAway as away:
        log.warning("register away", register=register, why=str(away))
        return False
    with identity.transaction() as tx:
        _lock_person(tx, person_id)
        for entry in entries:
            _take_over(identity, tx, register, person_id, entry)
        mine = (MANDATES.c.grantee_id == person_id, ITS_OWN[register], MANDATES.c.state.in_(LIVE))
        gone = MANDATES.c.evidence.not_in([_evidence(register, entry) for entry in entries])
        for row in tx.connection.execute(select(MANDATES).where(*mine, gone).with_for_update()).all():
            _end(identity, tx, register, row, EndReason.REGISTRY)
    return True


def follow(identity: Identity) -> int:
    """Take over what happened at the registers since the last time; return how many events.  From one that is away, nothing."""
    return sum(_follow(identity, register) for register in identity.mandate_registers)


def _follow(identity: Identity, register: str) -> int:
    with identity.reading() as tx:
        reached = select(func.coalesce(func.max(MARKS.c.number), 0)).where(MARKS.c.id == MARK_OF[register])
        after = tx.connection.execute(reached).scalar_one()
    try:
        changes = identity.mandate_registers[register].changes(after)
    except MandateRegisterAway as away:
        log.warning("register away", register=register, why=str(away))
        return 0
    for change in changes:
        apply(identity, register, change.number, change.entry, in_force=change.in_force)
    return len(changes)


def apply(identity: Identity, register: str, number: int, entry: Entry, *, in_force: bool) -> None:
    """Take over one event about a person who is known here; a repeat changes nothing."""
    with identity.transaction() as tx:
        person_id = _holder(identity, tx, entry)
        if person_id is not None:
            _lock_person(tx, person_id)
            if in_force:
                _take_over(identity, tx, register, person_id, entry)
            elif (row := _find_live(tx, register, entry)) is not None:
                _end(identity, tx, register, row, EndReason.REGISTRY)
        newest = func.greatest(MARKS.c.number, number)
        mark = insert(MARKS).values(id=MARK_OF[register], number=number)
        tx.connection.execute(mark.on_conflict_do_update(index_elements=["id"], set_={"number": newest}))


def _holder(identity: Identity, tx: Transaction, entry: Entry) -> UUID | None:
    """Return who acts by an entry, where they have an account; made-up persons are not the registers' concern."""
    found = find_credentials(tx.connection, identity.cipher, entry.person)
    if found is None or found.state not in {PersonState.ACTIVE, PersonState.SUSPENDED}:
        return None
    return found.person_id if stages.trial_team_of(tx.connection, found.person_id) is None else None


def _lock_person(tx: Transaction, person_id: UUID) -> None:
    """Have two answers about one person taken over one after the other; who acts for each other does not wait in a ring."""
    tx.connection.execute(select(PERSONS.c.id).where(PERSONS.c.id == person_id).with_for_update(key_share=True)).one()


def _evidence(register: str, entry: Entry) -> str:
    """Return how an entry is kept: two registers may use the same number."""
    return entry.entry if register == COMPANY else f"{register}:{entry.entry}"


def _find_live(tx: Transaction, register: str, entry: Entry) -> MandateRow | None:
    wanted = (ITS_OWN[register], MANDATES.c.evidence == _evidence(register, entry), MANDATES.c.state.in_(LIVE))
    return tx.connection.execute(select(MANDATES).where(*wanted).with_for_update()).one_or_none()


def _end(identity: Identity, tx: Transaction, register: str, row: MandateRow, reason: EndReason) -> None:
    mandates.end_row(identity, tx, row, MandateState.REVOKED, reason, actor=_actor(register), channel="registry")


def _actor(register: str) -> str:
    return f"{register}-register"


@dataclass(frozen=True)
class _Terms:
    """What an entry says, as a mandate keeps it."""

    powers: list[str]
    joint: int
    may_pass_on: bool
    valid_from: datetime
    valid_until: datetime | None


def _terms(entry: Entry) -> _Terms:
    ends = [begin_of_day(entry.valid_until + timedelta(days=1))] if entry.valid_until else []
    if isinstance(entry.principal, NamedPerson) and entry.ground in UNTIL_FULL_AGE:
        ends.append(begin_of_day(birthday(entry.principal.born_on, FULL_AGE)))
    begin = begin_of_day(entry.valid_from)
    return _Terms(list(powers.known(entry.powers)), entry.joint, entry.may_pass_on, begin, min(ends, default=None))


def _take_over(identity: Identity, tx: Transaction, register: str, person_id: UUID, entry: Entry) -> None:
    """Make or change the mandate of one entry; one that allows nothing we know, or is for a person who died, is not kept."""
    principal, terms, now = _principal(identity, tx, entry), _terms(entry), identity.clock.now()
    row = _find_live(tx, register, entry)
    if row is not None and (row.grantee_id, row.company_id, row.principal_id) != (person_id, *(principal or (None, None))):
        _end(identity, tx, register, row, EndReason.REGISTRY if principal else EndReason.DEATH)  # the number now says something else
        row = None
    if row is not None:
        if _Terms(list(row.powers), row.joint, row.may_pass_on, row.valid_from, row.valid_until) != terms:
            tx.connection.execute(update(MANDATES).where(MANDATES.c.id == row.id).values(vars(terms)))
            tx.record(Event.MANDATE_CHANGED, actor=_actor(register), object_id=row.mandate_id, channel="registry")
            logout_notices.announce_loss(identity, tx, [row.id])  # what was granted under the terms of before
        return
    if principal is None or not terms.powers or (terms.valid_until is not None and terms.valid_until <= now):
        return
    made = {
        "id": identity.ids.uuid7(),
        "mandate_id": "mdt_" + identity.ids.token(16),
        "company_id": principal[0],
        "principal_id": principal[1],
        "grantee_id": person_id,
        "grantee_index": run_index(identity.cipher, entry.person),
        "source": SOURCES[register],
        "evidence": _evidence(register, entry),
        "state": MandateState.ACTIVE,
        "created_at": now,
        **vars(terms),
    }
    tx.connection.execute(MANDATES.insert().values(made))
    tx.record(Event.MANDATE_REGISTERED, actor=_actor(register), object_id=str(made["mandate_id"]), channel="registry")
    mandates.tell_begun(identity, tx, mandates.lock(tx, str(made["mandate_id"])))


def _principal(identity: Identity, tx: Transaction, entry: Entry) -> tuple[UUID | None, UUID | None] | None:
    """Return the company and the person of an entry, one of them; None for a person who died, or whom a team made up."""
    if isinstance(entry.principal, NamedCompany):
        return _company(identity, tx, entry.principal), None
    named = entry.principal
    known = find_credentials(tx.connection, identity.cipher, named.run)
    if not named.alive or (known is not None and known.state is PersonState.DECEASED):
        return None
    person_id = known.person_id if known is not None else _person(identity, tx, named)
    return (None, person_id) if stages.trial_team_of(tx.connection, person_id) is None else None


def _company(identity: Identity, tx: Transaction, named: NamedCompany) -> UUID:
    """Return the company of an entry, entered or renamed."""
    now, company_id = identity.clock.now(), identity.ids.uuid4()
    row = {"id": company_id, "rut": str(named.rut), "name": named.name, "created_at": now, "updated_at": now}
    statement = insert(COMPANIES).values(row)
    renamed = {"name": statement.excluded.name, "updated_at": now}
    made = tx.connection.execute(statement.on_conflict_do_update(index_elements=["rut"], set_=renamed).returning(COMPANIES.c.id))
    return UUID(str(made.scalar_one()))


def _person(identity: Identity, tx: Transaction, named: NamedPerson) -> UUID:
    """Return a person for whom somebody acts, entered without an account; their own activation finds them here."""
    person_id, now = identity.ids.uuid4(), identity.clock.now()
    facts = Facts(named.run, named.given_names, named.family_names, birth_date=named.born_on)
    index = run_index(identity.cipher, named.run)
    row = {"id": person_id, "run_index": index, "facts_sealed": seal_facts(identity.cipher, person_id, facts), "state": PersonState.PENDING}
    entered = insert(PERSONS).values(row | {"created_at": now, "updated_at": now}).on_conflict_do_nothing(index_elements=["run_index"])
    if tx.connection.execute(entered).rowcount:  # the other parent may sign in at this moment
        tx.record(Event.PERSON_CREATED, actor="registry", subject=f"cl-run:{named.run}")
    return UUID(str(tx.connection.execute(select(PERSONS.c.id).where(PERSONS.c.run_index == index)).scalar_one()))
