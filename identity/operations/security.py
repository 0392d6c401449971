"""What a person signs in with, as they look after it: passwords, apps, passkeys, codes, sessions (WA-5, PW-4…PW-6, §3.9)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.finders import DEVICES, PASSKEYS, PASSWORDS, TOTPS, find_active_facts, find_factors, person_scope
from identity.models.grant import Grant
from identity.models.history import What
from identity.models.person import TotpAuthenticator
from identity.operations import account_events, history, notices, sessions
from identity.operations.refusals import LastFactor, PasswordRefused, SecurityNotFound
from identity.operations.second_factors import RECOVERY_CODES
from identity.operations.sessions import SESSIONS
from identity.operations.unfinished import end_unfinished
from identity.standards import passwords, rfc6238
from identity.standards.passwords import ALONE_LENGTH_MIN, BESIDE_LENGTH_MIN, Fault
from shared.transaction import Transaction
from shared.web.words import gettext_noop

GRANTS = table_of(Grant)
FAULTS = {
    Fault.TOO_SHORT: gettext_noop("The password is too short. Take four words that do not belong together."),
    Fault.TOO_LONG: gettext_noop("The password is too long. It may have 256 characters."),
    Fault.CHARACTERS: gettext_noop("The password has a character that cannot be typed."),
    Fault.PERSONAL: gettext_noop("The password is made of your own name or RUN. Take four words that others would not guess."),
    Fault.COMMON: gettext_noop("Many people use this password, so thieves try it first. Take four words that do not belong together."),
    Fault.BREACHED: gettext_noop("This password was stolen somewhere and is known to thieves. Take another one."),
}


@dataclass(frozen=True)
class Factor:
    """One way to sign in, as its person sees it: `kind` is `passkey` or `app`."""

    id: UUID
    kind: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True)
class Overview:
    """All ways to sign in of a person."""

    factors: tuple[Factor, ...]
    codes_left: int
    password_changed_at: datetime | None


@dataclass(frozen=True)
class OpenSession:
    """One place where a person is signed in."""

    id: UUID
    device: str
    place: str
    acr: str
    created_at: datetime
    last_seen_at: datetime
    clients: int
    is_this: bool


def overview(identity: Identity, person_id: UUID) -> Overview:
    """Return what a person signs in with."""
    with identity.reading() as tx:
        connection = tx.connection
        keys = connection.execute(select(PASSKEYS).where(PASSKEYS.c.person_id == person_id).order_by(PASSKEYS.c.created_at)).all()
        apps = connection.execute(
            select(TOTPS).where(TOTPS.c.person_id == person_id, TOTPS.c.confirmed_at.is_not(None)).order_by(TOTPS.c.created_at)
        ).all()
        left = select(func.count()).select_from(RECOVERY_CODES)
        codes = connection.execute(left.where(RECOVERY_CODES.c.person_id == person_id, RECOVERY_CODES.c.used_at.is_(None))).scalar_one()
        changed = connection.execute(select(PASSWORDS.c.changed_at).where(PASSWORDS.c.person_id == person_id)).scalar_one_or_none()
    factors = [Factor(row.id, "passkey", row.name, row.created_at, row.last_used_at) for row in keys]
    factors += [Factor(row.id, "app", row.name, row.created_at, row.last_used_at) for row in apps]
    return Overview(tuple(factors), codes, changed)


def fault_of_password(identity: Identity, person_id: UUID, password: str) -> Fault | None:
    """Return why a person cannot have a password; shorter ones are taken where a second factor always follows (PW-4)."""
    with identity.reading() as tx:
        facts = find_active_facts(tx.connection, identity.cipher, person_id)
        protected = find_factors(tx.connection, person_id).any
    personal = [identity.settings.operator_name]
    if facts is not None:
        personal += [str(facts.run), str(facts.run.numero), *facts.given_names, *facts.family_names, facts.email or "", facts.phone or ""]
        personal += passwords.forms_of_day(facts.birth_date) if facts.birth_date else []
    length_min = BESIDE_LENGTH_MIN if protected else ALONE_LENGTH_MIN
    return passwords.fault_of(password, personal=personal, length_min=length_min, is_breached=identity.breaches.has)


def should_change(identity: Identity, person_id: UUID, password: str) -> bool:
    """Answer whether a password that was right is one that thieves try or hold: then it is changed (PW-5, PW-6).

    That it is shorter than what is taken today is no evidence, and changes nothing.
    """
    return fault_of_password(identity, person_id, password) in {Fault.PERSONAL, Fault.COMMON, Fault.BREACHED}


def mark_for_change(tx: Transaction, person_id: UUID) -> None:
    """Have the person asked for a new password before they go on."""
    marked = update(PASSWORDS).where(PASSWORDS.c.person_id == person_id, PASSWORDS.c.must_change.is_(False)).values(must_change=True)
    if tx.connection.execute(marked).rowcount:
        tx.record(Event.PASSWORD_CHANGE_NEEDED, actor="identity", object_id=str(person_id), channel="web")


def change_password(identity: Identity, person_id: UUID, password: str, *, session_id: UUID | None) -> None:
    """Give a person another password; all other sessions end.  Raises: PasswordRefused, TooBusy."""
    if (fault := fault_of_password(identity, person_id, password)) is not None:
        raise PasswordRefused(FAULTS[fault], fault=str(fault))
    hashed, now = identity.hasher.hash(password), identity.clock.now()
    row = {"person_id": person_id, "hash": hashed.text, "pepper_version": hashed.pepper_version, "changed_at": now, "must_change": False}
    with identity.transaction() as tx:
        statement = insert(PASSWORDS).values(row)
        tx.connection.execute(statement.on_conflict_do_update(index_elements=["person_id"], set_=row))
        tx.record(Event.PASSWORD_SET, actor=f"person:{person_id}", object_id=str(person_id), channel="web")
        history.note(identity, tx, person_id, What.PASSWORD_CHANGED)
        notices.tell(identity, tx, person_id, notices.Kind.PASSWORD_CHANGED)
        close_sessions(identity, tx, person_id, except_id=session_id)


def begin_app(identity: Identity, person_id: UUID, *, name: str) -> tuple[UUID, str]:
    """Make the secret of a new authenticator app, which counts once a code of it came back; return its id and the secret (base32)."""
    app_id, secret, now = identity.ids.uuid4(), identity.ids.pick(rfc6238.ALPHABET, rfc6238.SECRET_CHARACTERS), identity.clock.now()
    sealed = identity.cipher.encrypt(secret, scope=person_scope(person_id))
    with identity.transaction() as tx:
        unfinished = (TOTPS.c.person_id == person_id, TOTPS.c.confirmed_at.is_(None))
        tx.connection.execute(TOTPS.delete().where(*unfinished))
        tx.session.add(TotpAuthenticator(id=app_id, person_id=person_id, name=name, secret_sealed=sealed, created_at=now))
    return app_id, secret


def find_begun_app(identity: Identity, person_id: UUID) -> tuple[UUID, str] | None:
    """Return the app that waits for its first code, and its secret."""
    with identity.reading() as tx:
        wanted = (TOTPS.c.person_id == person_id, TOTPS.c.confirmed_at.is_(None))
        row = tx.connection.execute(select(TOTPS.c.id, TOTPS.c.secret_sealed).where(*wanted)).one_or_none()
    return (row.id, identity.cipher.decrypt(row.secret_sealed, scope=person_scope(person_id))) if row else None


def confirm_app(identity: Identity, person_id: UUID, code: str) -> bool:
    """Have a new app count, when a code of it is right."""
    now = identity.clock.now()
    with identity.transaction() as tx:
        wanted = (TOTPS.c.person_id == person_id, TOTPS.c.confirmed_at.is_(None))
        row = tx.connection.execute(select(TOTPS).where(*wanted).with_for_update()).one_or_none()
        if row is None:
            return False
        secret = identity.cipher.decrypt(row.secret_sealed, scope=person_scope(person_id))
        step = rfc6238.accepted_step(secret, code, now=now.timestamp(), last_step=None)
        if step is None:
            return False
        tx.connection.execute(update(TOTPS).where(TOTPS.c.id == row.id).values(confirmed_at=now, last_step=step))
        tx.record(Event.TOTP_ADDED, actor=f"person:{person_id}", object_id=str(row.id), channel="web")
        history.note(identity, tx, person_id, What.AUTHENTICATOR_ADDED, {"name": row.name})
        notices.tell(identity, tx, person_id, notices.Kind.AUTHENTICATOR_ADDED, what=row.name)
    return True


def remove_factor(identity: Identity, person_id: UUID, factor_id: UUID, *, session_id: UUID | None) -> None:
    """Take a way to sign in away; other sessions end.  Raises: LastFactor for the last strong one without recovery codes (WA-5)."""
    with identity.transaction() as tx:
        for table, event in ((PASSKEYS, Event.PASSKEY_REMOVED), (TOTPS, Event.TOTP_REMOVED)):
            wanted = (table.c.id == factor_id, table.c.person_id == person_id)
            row = tx.connection.execute(select(table.c.name).where(*wanted).with_for_update()).one_or_none()
            if row is None:
                continue
            _refuse_last(tx, person_id)
            tx.connection.execute(table.delete().where(*wanted))
            tx.record(event, actor=f"person:{person_id}", object_id=str(factor_id), channel="web")
            history.note(identity, tx, person_id, What.AUTHENTICATOR_REMOVED, {"name": row.name})
            notices.tell(identity, tx, person_id, notices.Kind.AUTHENTICATOR_REMOVED, what=row.name)
            close_sessions(identity, tx, person_id, except_id=session_id)
            return
    raise SecurityNotFound


def _refuse_last(tx: Transaction, person_id: UUID) -> None:
    """Raises: LastFactor."""
    count = 0
    for table in (PASSKEYS, TOTPS):
        query = select(func.count()).select_from(table).where(table.c.person_id == person_id)
        confirmed = query.where(table.c.confirmed_at.is_not(None)) if table is TOTPS else query
        count += tx.connection.execute(confirmed).scalar_one()
    unused = (RECOVERY_CODES.c.person_id == person_id, RECOVERY_CODES.c.used_at.is_(None))
    codes = tx.connection.execute(select(func.count()).select_from(RECOVERY_CODES).where(*unused)).scalar_one()
    if count <= 1 and codes == 0:
        raise LastFactor(gettext_noop("Make recovery codes first, or add another way to sign in."))


def list_sessions(identity: Identity, person_id: UUID, present: UUID | None) -> list[OpenSession]:
    """Return where a person is signed in, the newest first."""
    now = identity.clock.now()
    clients = select(func.count(func.distinct(GRANTS.c.client_id))).where(GRANTS.c.session_id == SESSIONS.c.id).scalar_subquery()
    live = (SESSIONS.c.person_id == person_id, SESSIONS.c.ended_at.is_(None), SESSIONS.c.expires_at > now)
    with identity.reading() as tx:
        rows = tx.connection.execute(select(SESSIONS, clients.label("clients")).where(*live).order_by(SESSIONS.c.created_at.desc())).all()
    return [
        OpenSession(r.id, r.device, r.place, r.acr, r.created_at, r.last_seen_at, r.clients, r.id == present)
        for r in rows
        if (now - r.last_seen_at).total_seconds() <= identity.settings.session_idle_seconds or r.id == present
    ]


def close_sessions(
    identity: Identity, tx: Transaction, person_id: UUID, *, only_id: UUID | None = None, except_id: UUID | None = None
) -> int:
    """End a person's sessions, or one, or all but one, with what was granted in them; effective at the next request (§3.9).

    Unless it is about one alone, sign-ins that are on their way end too, and receivers of events hear that no session from before
    counts: theirs may have outlived the sign-on that they came from.
    """
    now = identity.clock.now()
    if only_id is None:
        end_unfinished(identity, tx, person_id)
        account_events.tell(identity, tx, person_id, account_events.SIGNED_OUT, initiating_entity="user")
    wanted = [SESSIONS.c.person_id == person_id, SESSIONS.c.ended_at.is_(None)]
    if only_id is not None:
        wanted.append(SESSIONS.c.id == only_id)
    if except_id is not None:
        wanted.append(SESSIONS.c.id != except_id)
    open_ones = tx.connection.execute(select(SESSIONS.c.id).where(*wanted).with_for_update()).scalars().all()
    for session_id in open_ones:
        sessions.end_by_id(identity, tx, person_id, session_id)
    # Closing all also ends what outlived a session that was signed out of before: grants for when the person is away (RT-10).
    carried = GRANTS.c.session_id.in_(open_ones) if only_id is not None else GRANTS.c.person_id == person_id
    if except_id is not None:
        carried &= GRANTS.c.session_id != except_id
    tx.connection.execute(update(GRANTS).where(carried, GRANTS.c.revoked_at.is_(None)).values(revoked_at=now))
    if open_ones:
        history.note(identity, tx, person_id, What.SESSION_CLOSED)
    return len(open_ones)


def close_elsewhere(identity: Identity, person_id: UUID, *, only_id: UUID | None, present: UUID | None) -> int:
    """End one session, or all but the present one, and return how many ended."""
    with identity.transaction() as tx:
        return close_sessions(identity, tx, person_id, only_id=only_id, except_id=present)


def lock_down(identity: Identity, person_id: UUID, *, event_id: UUID | None) -> None:
    """Do what "this was not me" asks for: every session and known device is gone, the password must be changed (§3.10)."""
    with identity.transaction() as tx:
        shut_out(identity, tx, person_id, about=event_id)


def shut_out(identity: Identity, tx: Transaction, person_id: UUID, *, about: UUID | None) -> None:
    """Do it in the transaction of something larger; `about` is the id of what was not the person."""
    mark_for_change(tx, person_id)
    close_sessions(identity, tx, person_id)
    tx.connection.execute(DEVICES.delete().where(DEVICES.c.person_id == person_id))
    account_events.tell(identity, tx, person_id, account_events.COMPROMISED, credential_type="password")
    tx.record(Event.LOGIN_DISOWNED, actor=f"person:{person_id}", object_id=str(about or person_id), channel="web")
    history.note(identity, tx, person_id, What.DISOWNED)
