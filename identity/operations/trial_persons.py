"""Made-up persons that a team tries its services with: see, make, make anew (§1.8, §3.11)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.approval import Approval
from identity.models.base import table_of
from identity.models.finders import (
    DEVICES,
    PASSKEYS,
    PASSWORDS,
    PERSONS,
    TOTPS,
    find_credentials,
    open_facts,
    person_scope,
    run_index,
    seal_facts,
)
from identity.models.grant import Release
from identity.models.mandate import LIVE, EndReason, MandateState, Source
from identity.models.organisation import Organisation
from identity.models.person import PersonState
from identity.models.service import Stage
from identity.operations import mandates, security, teams
from identity.operations.mandates import COMPANIES, MANDATES
from identity.operations.refusals import NotOfTheTeam
from identity.operations.second_factors import MESSAGE_CODES, RECOVERY_CODES
from identity.operations.stages import TRIAL_PERSONS
from identity.operations.teams import ServiceView
from identity.operations.throttles import CONSECUTIVE_MAX, THROTTLES, throttle_key
from identity.providers.base import Hashed
from identity.standards import powers, rfc6238
from identity.standards.oidc_claims import Facts
from identity.standards.one_time_codes import DIGITS, READABLE, grouped
from identity.standards.trial_cases import BY_KEY, CASES, COMPANY, DECEASED, LETTER, LOCKED, NUMBER_DIGITS, NUMBER_MIN, PENDING, Case
from shared.run import Run, check_digit
from shared.states import WrongState
from shared.transaction import Transaction
from shared.web.words import gettext_noop

RELEASES, APPROVALS = table_of(Release), table_of(Approval)
PASSWORD_SIGNS = 16
STATES = {PENDING: PersonState.PENDING, DECEASED: PersonState.DECEASED}
ACTOR = "trial"


@dataclass(frozen=True)
class _Made:
    """A person with what their case says about them."""

    id: UUID
    case: Case
    facts: Facts


@dataclass(frozen=True)
class Shown:
    """One made-up person as the team sees them, with all they sign in with; `totp_secret` is base32."""

    case: Case
    run: str
    name: str
    password: str
    totp_secret: str | None
    made_at: datetime


def list_persons(identity: Identity, member_id: UUID, service_id: str) -> tuple[ServiceView, list[Shown]]:
    """Return a service on trial and the made-up persons of its team.  Raises: NotOfTheTeam, WrongState for a live service."""
    view = _trial(identity, member_id, service_id)
    joined = TRIAL_PERSONS.join(PERSONS, PERSONS.c.id == TRIAL_PERSONS.c.person_id)
    query = select(TRIAL_PERSONS, PERSONS.c.facts_sealed, PERSONS.c.updated_at).select_from(joined)
    with identity.reading() as tx:
        rows = tx.connection.execute(query.where(TRIAL_PERSONS.c.organisation_id == view.organisation.id)).all()
    found = {}
    for row in rows:
        facts = open_facts(identity.cipher, row.person_id, row.facts_sealed, row.updated_at)
        scope = person_scope(row.person_id)
        password = identity.cipher.decrypt(row.password_sealed, scope=scope)
        secret = identity.cipher.decrypt(row.totp_sealed, scope=scope) if row.totp_sealed else None
        found[row.case] = Shown(BY_KEY[row.case], facts.run.shown, facts.full_name, password, secret, row.made_at)
    return view, [found[case.key] for case in CASES if case.key in found]


def make_persons(identity: Identity, member_id: UUID, service_id: str) -> None:
    """Make a person of each case that the team does not have yet; they share a password.  Raises: NotOfTheTeam, WrongState."""
    view = _managed(identity, member_id, service_id)
    password = "-".join(grouped(identity.ids.pick(READABLE, PASSWORD_SIGNS)).lower().split())
    hashed = identity.hasher.hash(password)
    with identity.transaction() as tx:
        organisations = table_of(Organisation)  # of two presses at once the second waits here
        tx.connection.execute(select(organisations.c.id).where(organisations.c.id == view.organisation.id).with_for_update())
        held = select(TRIAL_PERSONS.c.case).where(TRIAL_PERSONS.c.organisation_id == view.organisation.id)
        have = set(tx.connection.execute(held).scalars())
        for case in CASES:
            if case.key not in have:
                _furnish(identity, tx, _enter(identity, tx, view, case, password), hashed)
        tx.record(Event.TRIAL_PERSONS_MADE, actor=f"person:{member_id}", object_id=service_id, channel="web")


def reset_person(identity: Identity, member_id: UUID, service_id: str, case_key: str) -> None:
    """Make a person as they were: facts, state, password, factors; sessions, consents and permissions end.

    Raises: NotOfTheTeam, also for a case that the team does not have; WrongState.
    """
    view = _managed(identity, member_id, service_id)
    wanted = (TRIAL_PERSONS.c.organisation_id == view.organisation.id, TRIAL_PERSONS.c.case == case_key)
    with identity.reading() as tx:
        row = tx.connection.execute(select(TRIAL_PERSONS).where(*wanted)).one_or_none()
    if row is None:
        raise NotOfTheTeam
    password = identity.cipher.decrypt(row.password_sealed, scope=person_scope(row.person_id))
    hashed = identity.hasher.hash(password)
    with identity.transaction() as tx:
        person = tx.connection.execute(select(PERSONS).where(PERSONS.c.id == row.person_id).with_for_update()).one()
        run = open_facts(identity.cipher, row.person_id, person.facts_sealed, person.updated_at).run
        _forget(identity, tx, row.person_id)
        case = BY_KEY[case_key]
        _furnish(identity, tx, _Made(row.person_id, case, _facts(identity, view, case, run)), hashed)
        tx.record(Event.TRIAL_PERSON_RESET, actor=f"person:{member_id}", object_id=str(row.person_id), channel="web")


def _trial(identity: Identity, member_id: UUID, service_id: str) -> ServiceView:
    view = teams.look(identity, member_id, service_id)
    if view.service.stage != Stage.TRIAL:
        raise WrongState(gettext_noop("This service is live: made-up persons do not reach it."))
    return view


def _managed(identity: Identity, member_id: UUID, service_id: str) -> ServiceView:
    view = _trial(identity, member_id, service_id)
    if not view.may_manage:
        raise NotOfTheTeam
    return view


def _enter(identity: Identity, tx: Transaction, view: ServiceView, case: Case, password: str) -> _Made:
    """Enter a person with a RUN that belongs to nobody, and keep what they sign in with."""
    now, person_id, run = identity.clock.now(), identity.ids.uuid4(), _free_run(identity, tx, case)
    facts, scope = _facts(identity, view, case, run), person_scope(person_id)
    base = {"id": person_id, "run_index": run_index(identity.cipher, run), "facts_sealed": seal_facts(identity.cipher, person_id, facts)}
    tx.connection.execute(PERSONS.insert().values(**base, state=PersonState.ACTIVE, created_at=now, updated_at=now))
    secret = identity.ids.pick(rfc6238.ALPHABET, rfc6238.SECRET_CHARACTERS) if case.has_app else None
    row = {
        "person_id": person_id,
        "organisation_id": view.organisation.id,
        "case": case.key,
        "password_sealed": identity.cipher.encrypt(password, scope=scope),
        "totp_sealed": identity.cipher.encrypt(secret, scope=scope) if secret else None,
        "made_at": now,
    }
    tx.connection.execute(TRIAL_PERSONS.insert().values(row))
    tx.record(Event.PERSON_CREATED, actor=ACTOR, subject=f"cl-run:{run}")
    return _Made(person_id, case, facts)


def _free_run(identity: Identity, tx: Transaction, case: Case | None) -> Run:
    """Draw a RUN that belongs to nobody; for one case it ends in K."""
    while True:
        numero = NUMBER_MIN + int(identity.ids.pick(DIGITS, NUMBER_DIGITS))
        run = Run(numero, check_digit(numero))
        fits = case is None or (run.dv == "K") is (case.key == LETTER)
        if fits and find_credentials(tx.connection, identity.cipher, run) is None:
            return run


def _facts(identity: Identity, view: ServiceView, case: Case, run: Run) -> Facts:
    born = identity.clock.now().date() - timedelta(days=case.age * 365 + case.age // 4 + 30)
    facts = Facts(run=run, given_names=case.given_names, family_names=case.family_names, birth_date=born)
    return replace(facts, email=view.service.contact_email, email_verified=True) if case.has_contact else facts


def _furnish(identity: Identity, tx: Transaction, person: _Made, hashed: Hashed) -> None:
    """Give a person the facts, state, password, app, tries and company of their case."""
    now, connection, key = identity.clock.now(), tx.connection, person.case.key
    sealed_facts, state = seal_facts(identity.cipher, person.id, person.facts), STATES.get(key, PersonState.ACTIVE)
    values = {"facts_sealed": sealed_facts, "state": state, "updated_at": now}
    connection.execute(update(PERSONS).where(PERSONS.c.id == person.id).values(values))
    tries = throttle_key(identity, "password", str(person.facts.run), None)
    connection.execute(delete(THROTTLES).where(THROTTLES.c.key == tries))
    if key != PENDING:
        row = {"person_id": person.id, "hash": hashed.text, "pepper_version": hashed.pepper_version, "changed_at": now}
        connection.execute(insert(PASSWORDS).values(row))
    if person.case.has_app:
        sealed = connection.execute(select(TRIAL_PERSONS.c.totp_sealed).where(TRIAL_PERSONS.c.person_id == person.id)).scalar_one()
        app = {"id": identity.ids.uuid4(), "person_id": person.id, "name": "App", "secret_sealed": sealed}
        connection.execute(TOTPS.insert().values(**app, created_at=now, confirmed_at=now))
    if key == LOCKED:
        used_up = {"window_failures": 0, "window_started_at": now, "consecutive_failures": CONSECUTIVE_MAX, "updated_at": now}
        connection.execute(THROTTLES.insert().values(key=tries, **used_up))
    if key == COMPANY:
        _found_company(identity, tx, person)


def _found_company(identity: Identity, tx: Transaction, person: _Made) -> None:
    """Have a person sign for a company that is made up too; the company register is never asked about either."""
    now, company_id = identity.clock.now(), identity.ids.uuid4()
    company = {"id": company_id, "rut": str(_free_run(identity, tx, None)), "name": "Panadería de Prueba SpA"}
    tx.connection.execute(COMPANIES.insert().values(**company, created_at=now, updated_at=now))
    mandate = {
        "id": identity.ids.uuid7(),
        "mandate_id": "mdt_" + identity.ids.token(16),
        "company_id": company_id,
        "grantee_id": person.id,
        "grantee_index": run_index(identity.cipher, person.facts.run),
        "powers": list(powers.POWERS),
        "source": Source.REGISTRY,
        "state": MandateState.ACTIVE,
        "valid_from": now,
        "created_at": now,
    }
    tx.connection.execute(MANDATES.insert().values(mandate))
    tx.record(Event.MANDATE_REGISTERED, actor=ACTOR, object_id=str(mandate["mandate_id"]))


def _forget(identity: Identity, tx: Transaction, person_id: UUID) -> None:
    """End and remove what a person gathered since they were made."""
    security.close_sessions(identity, tx, person_id)
    tries = [throttle_key(identity, factor, str(person_id), None) for factor in ("otp", "approval")]
    tx.connection.execute(delete(THROTTLES).where(THROTTLES.c.key.in_(tries)))
    for table in (PASSWORDS, TOTPS, PASSKEYS, RECOVERY_CODES, MESSAGE_CODES, DEVICES, APPROVALS):
        tx.connection.execute(delete(table).where(table.c.person_id == person_id))
    ended = update(RELEASES).where(RELEASES.c.person_id == person_id, RELEASES.c.withdrawn_at.is_(None))
    tx.connection.execute(ended.values(withdrawn_at=identity.clock.now()))
    mine = (MANDATES.c.grantee_id == person_id) | (MANDATES.c.principal_id == person_id) | (MANDATES.c.given_by == person_id)
    for row in tx.connection.execute(select(MANDATES).where(mine, MANDATES.c.state.in_(LIVE)).with_for_update()).all():
        mandates.end_row(identity, tx, row, MandateState.REVOKED, EndReason.REGISTRY, actor=ACTOR, channel="system")
