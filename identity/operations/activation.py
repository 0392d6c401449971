"""In-person activation (§3.6): an officer checks card and face, a code goes to the person, the person makes the account theirs."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.errors import RegisterNotFound
from identity.events import Event
from identity.models.activation import ACTIVATION_STATES, ActivationCode, CodeState
from identity.models.base import table_of
from identity.models.finders import ORGANISATIONS, PASSWORDS, PERSONS, find_credentials, open_facts, person_scope, run_index, seal_facts
from identity.models.history import What
from identity.models.person import Person, PersonState
from identity.operations import history, locks, notices, proofings, second_factors, security
from identity.operations.refusals import ActivationRefused, PasswordRefused, TwoPersonsNeeded
from identity.providers.civil_registry import RegistryPerson
from identity.standards import one_time_codes, passwords
from identity.standards.identity_assurance import Proofing
from identity.standards.oidc_claims import Facts
from shared.crypto import constant_time_equal
from shared.run import Run
from shared.transaction import Transaction
from shared.web.words import gettext_noop

CODES = table_of(ActivationCode)
CHECK_METHODS = {"card-and-face": "vpip", "video": "vri"}
"""How a check is called in verified claims (§2.25)."""
LIFE = timedelta(days=15)
TRIES = 5
AGE_MIN = 14
IN_PERSON = 2
PURPOSE = "activation-code"
LIVE = (CodeState.WAITING, CodeState.VALID)


@dataclass(frozen=True)
class Check:
    """What an officer found: `face_matches` they saw themselves; `delivery` printed, email or sms, with the contact proven there."""

    run: Run
    document_number: str
    face_matches: bool
    check_method: str
    org_id: str
    place: str
    delivery: str
    contact: str = ""
    is_relative: bool = False
    issued_on: date | None = None
    expires_on: date | None = None


@dataclass(frozen=True)
class Issued:
    """A code that was given out; `code` only when it is to be printed: else nobody but the person sees it."""

    id: UUID
    code: str | None
    waits: bool


@dataclass(frozen=True)
class Choice:
    """How a person makes the account theirs."""

    password: str
    email: str
    terms_accepted: bool


def issue(identity: Identity, check: Check, *, officer_id: UUID) -> Issued:
    """Check a person against the registry and give out a code; a new one cancels the old.

    Raises: ActivationRefused with what to do, TwoPersonsNeeded for oneself, RegistryAway.
    """
    found = identity.civil_registry.check(check.run, check.document_number)  # outside any transaction
    found = _checked(check, found, identity.clock.now().date())
    check = replace(check, issued_on=found.issued_on, expires_on=found.expires_on)
    waits = check.check_method == "video" or check.is_relative
    code = identity.ids.pick(one_time_codes.READABLE, one_time_codes.ACTIVATION_LENGTH)
    now, code_id = identity.clock.now(), identity.ids.uuid4()
    person_id = _person_of(identity, check, found)
    if person_id == officer_id:
        _note_refused(identity, check, officer_id)
        raise TwoPersonsNeeded(gettext_noop("Nobody activates their own account. Ask another office."))
    with identity.transaction() as tx:
        old = tx.connection.execute(
            select(CODES.c.id, CODES.c.state).where(CODES.c.person_id == person_id, CODES.c.state.in_(LIVE)).with_for_update()
        ).all()
        for row in old:
            _move(tx, row.id, CodeState(row.state), CodeState.CANCELLED, actor=f"person:{officer_id}")
        values = _row(identity, check, person_id, code, waits=waits) | {"id": code_id, "issued_by": officer_id, "created_at": now}
        tx.connection.execute(CODES.insert().values(values | {"expires_at": now + LIFE}))
        tx.record(
            Event.ACTIVATION_ISSUED,
            actor=f"person:{officer_id}",
            subject=f"cl-run:{check.run}",
            object_id=str(code_id),
            channel="counter",
            data={"organisation": check.org_id, "place": check.place, "method": check.check_method, "waits": waits},
        )
        history.note(identity, tx, person_id, What.ACTIVATION_ISSUED, {"channel": "counter", "organisation": check.org_id})
        if not waits:
            _deliver(identity, tx, person_id, delivery=check.delivery, contact=check.contact, code=code)
    return Issued(code_id, code if check.delivery == "printed" and not waits else None, waits)


def _checked(check: Check, found: RegistryPerson | None, today: date) -> RegistryPerson:
    """Return who it is.  Raises: ActivationRefused."""
    if found is None:
        raise ActivationRefused(gettext_noop("RUN and document do not belong together. Check both on the card."))
    if not found.alive:
        raise ActivationRefused(gettext_noop("The registry says that this person has died. Call the supervisor."))
    if not found.document_valid:
        raise ActivationRefused(gettext_noop("The card is not valid any more. The person needs a new one first."))
    if today < found.born_on.replace(year=found.born_on.year + AGE_MIN, day=min(found.born_on.day, 28)):
        raise ActivationRefused(gettext_noop("The person must be 14 years old at least."))
    if not check.face_matches:
        raise ActivationRefused(gettext_noop("The face must be compared with the card first."))
    return found


def _note_refused(identity: Identity, check: Check, officer_id: UUID) -> None:
    with identity.transaction() as tx:
        actor = f"person:{officer_id}"
        tx.record(Event.ACTIVATION_REFUSED, actor=actor, outcome="refused", object_id=check.org_id, data={"why": "own account"})


def _person_of(identity: Identity, check: Check, found: RegistryPerson) -> UUID:
    """Return the person of a RUN, made now and not yet active where there is none; names follow the registry."""
    person_id, now = identity.ids.uuid4(), identity.clock.now()
    facts = Facts(check.run, found.given_names, found.family_names)
    sealed = seal_facts(identity.cipher, person_id, facts)
    with identity.transaction() as tx:
        known = find_credentials(tx.connection, identity.cipher, check.run)
        if known is not None:
            return known.person_id
        index = run_index(identity.cipher, check.run)
        tx.session.add(
            Person(id=person_id, run_index=index, facts_sealed=sealed, state=PersonState.PENDING, created_at=now, updated_at=now)
        )
        tx.record(Event.PERSON_CREATED, actor="office", subject=f"cl-run:{check.run}")
    return person_id


def _row(identity: Identity, check: Check, person_id: UUID, code: str, *, waits: bool) -> dict[str, object]:
    days = {name: day.isoformat() for name, day in (("issued_on", check.issued_on), ("expires_on", check.expires_on)) if day}
    kept = {"contact": check.contact, "document": {"number": check.document_number, **days}, **({"code": code} if waits else {})}
    return {
        "person_id": person_id,
        "code_index": code_index(identity, person_id, code),
        "state": CodeState.WAITING if waits else CodeState.VALID,
        "tries_left": TRIES,
        "delivery": check.delivery,
        "contact_sealed": identity.cipher.encrypt(json.dumps(kept), scope=person_scope(person_id)),
        "check_method": check.check_method,
        "org_id": check.org_id,
        "place": check.place,
    }


def code_index(identity: Identity, person_id: UUID, code: str) -> bytes:
    """Return the keyed hash by which a person's code is kept."""
    return identity.cipher.blind_index(f"{person_id}|{code}", purpose=PURPOSE)


def _deliver(identity: Identity, tx: Transaction, person_id: UUID, *, delivery: str, contact: str, code: str) -> None:
    if delivery == "printed":
        return
    channel = notices.Channel.EMAIL if delivery == "email" else notices.Channel.SMS
    address = identity.settings.public_url + "/activar"
    shown = one_time_codes.grouped(code)
    notices.tell_at(identity, tx, person_id, notices.Kind.ACTIVATION_CODE, channel=channel, to=contact, code=shown, address=address)


def approve(identity: Identity, code_id: UUID, *, officer_id: UUID, org_ids: list[str]) -> Issued:
    """Let a waiting code go out; whoever gave it out cannot.  Raises: RegisterNotFound, TwoPersonsNeeded, WrongState."""
    with identity.transaction() as tx:
        row = tx.connection.execute(select(CODES).where(CODES.c.id == code_id, CODES.c.org_id.in_(org_ids)).with_for_update()).one_or_none()
        if row is None:
            raise RegisterNotFound("There is no such code.")
        if officer_id in {row.issued_by, row.person_id}:
            raise TwoPersonsNeeded(gettext_noop("Another officer must approve what you gave out."))
        _move(tx, code_id, CodeState(row.state), CodeState.VALID, actor=f"person:{officer_id}", approved_by=officer_id)
        opened = json.loads(identity.cipher.decrypt(row.contact_sealed, scope=person_scope(row.person_id)))
        _deliver(identity, tx, row.person_id, delivery=row.delivery, contact=opened["contact"], code=opened["code"])
    return Issued(code_id, opened["code"] if row.delivery == "printed" else None, waits=False)


def _move(tx: Transaction, code_id: UUID, present: CodeState, target: CodeState, *, actor: str, **values: object) -> None:
    action = ACTIVATION_STATES.check(present, target)
    tx.connection.execute(update(CODES).where(CODES.c.id == code_id).values(state=target, **values))
    tx.record(action, actor=actor, object_id=str(code_id), channel="counter")


@dataclass(frozen=True)
class Standing:
    """The true state of a person's newest code, for an office: valid, waiting, used, blocked, cancelled, expired, none."""

    state: str
    id: UUID | None = None


def standing(identity: Identity, run: Run) -> Standing:
    """Return how a person's newest code stands (§3.6, step 6)."""
    with identity.reading() as tx:
        found = find_credentials(tx.connection, identity.cipher, run)
        if found is None:
            return Standing("none")
        query = (
            select(CODES)
            .where(CODES.c.person_id == found.person_id)
            .order_by(CODES.c.created_at.desc(), CODES.c.state.in_(LIVE).desc())
            .limit(1)
        )
        row = tx.connection.execute(query).one_or_none()
    if row is None:
        return Standing("none")
    expired = row.state in LIVE and row.expires_at <= identity.clock.now()
    return Standing("expired" if expired else row.state, row.id)


def list_waiting(identity: Identity, org_ids: list[str]) -> list[tuple[UUID, str, str]]:
    """Return the codes of some offices that wait for a second officer: id, place, method."""
    with identity.reading() as tx:
        query = select(CODES.c.id, CODES.c.place, CODES.c.check_method)
        wanted = (CODES.c.state == CodeState.WAITING, CODES.c.org_id.in_(org_ids), CODES.c.expires_at > identity.clock.now())
        return [(row.id, row.place, row.check_method) for row in tx.connection.execute(query.where(*wanted).order_by(CODES.c.created_at))]


def activate(identity: Identity, run: Run, code: str, choice: Choice) -> list[str]:
    """Make an account its person's, and return ten recovery codes.

    Wrong, unknown, expired and blocked are told the same.  Raises: ActivationRefused, PasswordRefused, TooBusy.
    """
    plain, now = one_time_codes.canonical(code), identity.clock.now()
    with identity.transaction() as tx:
        row = _take_try(identity, tx, run, plain)
    if row is None:
        raise ActivationRefused(gettext_noop("RUN and code do not belong together, or the code is not valid any more. Ask at an office."))
    fault = _password_fault(identity, row, choice.password)
    if fault is not None:
        raise PasswordRefused(security.FAULTS[fault], fault=str(fault))
    hashed = identity.hasher.hash(choice.password)
    password = {
        "person_id": row.person_id,
        "hash": hashed.text,
        "pepper_version": hashed.pepper_version,
        "changed_at": now,
        "must_change": False,
    }
    with identity.transaction() as tx:
        _move(tx, row.id, CodeState.VALID, CodeState.USED, actor=f"person:{row.person_id}", used_at=now)
        tx.connection.execute(insert(PASSWORDS).values(password).on_conflict_do_update(index_elements=["person_id"], set_=password))
        facts = replace(row.facts, email=choice.email or None, email_verified=False)
        sealed = seal_facts(identity.cipher, row.person_id, facts)
        values = {"state": PersonState.ACTIVE, "facts_sealed": sealed, "updated_at": now}
        tx.connection.execute(update(PERSONS).where(PERSONS.c.id == row.person_id).values(values))
        proofings.record_proofing(identity, tx, row.person_id, _proofing(identity, tx.connection, row), actor=f"person:{row.person_id}")
        security.close_sessions(identity, tx, row.person_id)
        codes = second_factors.write_recovery_codes(identity, tx, row.person_id)
        locks.unlock(identity, tx, row.person_id, how="counter")
        history.note(identity, tx, row.person_id, What.ACTIVATION_USED)
        notices.tell(identity, tx, row.person_id, notices.Kind.ACCOUNT_ACTIVE)
    return codes


@dataclass(frozen=True)
class _Taken:
    id: UUID
    person_id: UUID
    check_method: str
    org_id: str
    issued_at: datetime
    contact_sealed: bytes
    facts: Facts


def _proofing(identity: Identity, connection: Connection, taken: _Taken) -> Proofing:
    """Return the check that gave out a code, in the form that verified claims are told from (§2.25)."""
    named = connection.execute(select(ORGANISATIONS.c.name).where(ORGANISATIONS.c.org_id == taken.org_id)).scalar_one_or_none()
    opened = json.loads(identity.cipher.decrypt(taken.contact_sealed, scope=person_scope(taken.person_id)))
    document = opened.get("document", {})
    days = [date.fromisoformat(document[name]) if name in document else None for name in ("issued_on", "expires_on")]
    method, number = CHECK_METHODS[taken.check_method], document.get("number", "")
    return Proofing(IN_PERSON, taken.issued_at, method, named or taken.org_id, str(taken.id), number, *days)


def _take_try(identity: Identity, tx: Transaction, run: Run, plain: str) -> _Taken | None:
    """Count a try, and return the code's row when it was right; the fifth wrong one blocks it."""
    found = find_credentials(tx.connection, identity.cipher, run)
    if found is None or found.state not in {PersonState.PENDING, PersonState.ACTIVE}:
        return None
    wanted = (CODES.c.person_id == found.person_id, CODES.c.state == CodeState.VALID, CODES.c.expires_at > identity.clock.now())
    row = tx.connection.execute(select(CODES).where(*wanted).with_for_update()).one_or_none()
    if row is None:
        return None
    if not constant_time_equal(bytes(row.code_index), code_index(identity, found.person_id, plain)):
        if row.tries_left <= 1:
            _move(tx, row.id, CodeState.VALID, CodeState.BLOCKED, actor="browser", tries_left=0)
        else:
            tx.connection.execute(update(CODES).where(CODES.c.id == row.id).values(tries_left=row.tries_left - 1))
        return None
    sealed, facts = bytes(row.contact_sealed), _facts(identity, tx.connection, found.person_id)
    return _Taken(row.id, found.person_id, row.check_method, row.org_id, row.created_at, sealed, facts)


def _facts(identity: Identity, connection: Connection, person_id: UUID) -> Facts:
    row = connection.execute(select(PERSONS.c.facts_sealed, PERSONS.c.updated_at).where(PERSONS.c.id == person_id)).one()
    return open_facts(identity.cipher, person_id, row.facts_sealed, row.updated_at)


def _password_fault(identity: Identity, row: _Taken, password: str) -> passwords.Fault | None:
    facts = row.facts
    personal = [str(facts.run), str(facts.run.numero), *facts.given_names, *facts.family_names, identity.settings.operator_name]
    return passwords.fault_of(password, personal=personal, length_min=passwords.ALONE_LENGTH_MIN, is_breached=identity.breaches.has)
