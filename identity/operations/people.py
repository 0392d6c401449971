"""Make persons and give them something to sign in with.  Activation at a counter and recovery come on top of these."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.errors import RegisterConflict
from identity.events import Event
from identity.models.finders import PASSWORDS, PERSONS, find_credentials, person_scope, run_index, seal_facts
from identity.models.person import Person, PersonState, TotpAuthenticator
from identity.operations import account_events, sessions
from identity.providers import foreign_hashes
from identity.standards.oidc_claims import Facts
from shared.run import Run


def create_person(identity: Identity, facts: Facts, *, actor: str) -> UUID:
    """Make an active person.  Raises: RegisterConflict when the RUN has one."""
    person_id, now = identity.ids.uuid4(), identity.clock.now()
    sealed = seal_facts(identity.cipher, person_id, facts)
    with identity.transaction() as tx:
        if find_credentials(tx.connection, identity.cipher, facts.run) is not None:
            raise RegisterConflict("That RUN has an account.")
        index = run_index(identity.cipher, facts.run)
        tx.session.add(Person(id=person_id, run_index=index, facts_sealed=sealed, state=PersonState.ACTIVE, created_at=now, updated_at=now))
        tx.record(Event.PERSON_CREATED, actor=actor, subject=f"cl-run:{facts.run}")
    return person_id


def set_password(identity: Identity, person_id: UUID, password: str, *, actor: str) -> None:
    """Give a person a password, in place of the one before."""
    hashed, now = identity.hasher.hash(password), identity.clock.now()
    row = {"person_id": person_id, "hash": hashed.text, "pepper_version": hashed.pepper_version, "changed_at": now}
    with identity.transaction() as tx:
        statement = insert(PASSWORDS).values(row)
        tx.connection.execute(statement.on_conflict_do_update(index_elements=["person_id"], set_=row))
        tx.record(Event.PASSWORD_SET, actor=actor, object_id=str(person_id))


def import_password(identity: Identity, run: Run, text: str, *, actor: str) -> None:
    """Take over a person's password hash from another institution; it is made anew at the first sign-in (PW-8).

    Raises: RegisterConflict for a form that is not known, an unknown RUN, or one that has a password here.
    """
    if not foreign_hashes.is_known(text):
        raise RegisterConflict("This is no bcrypt or PBKDF2 hash that can be taken over.")
    with identity.transaction() as tx:
        found = find_credentials(tx.connection, identity.cipher, run)
        if found is None or found.hash is not None:
            raise RegisterConflict("That RUN has no account, or has a password here.")
        row = {"person_id": found.person_id, "hash": text, "pepper_version": foreign_hashes.FOREIGN_VERSION}
        tx.connection.execute(insert(PASSWORDS).values(**row, changed_at=identity.clock.now()))
        tx.record(Event.PASSWORD_IMPORTED, actor=actor, object_id=str(found.person_id))


def add_totp(identity: Identity, person_id: UUID, secret: str, *, name: str, actor: str) -> None:
    """Give a person a confirmed authenticator app; `secret` is base32."""
    now = identity.clock.now()
    sealed = identity.cipher.encrypt(secret, scope=person_scope(person_id))
    with identity.transaction() as tx:
        row = TotpAuthenticator(
            id=identity.ids.uuid4(), person_id=person_id, name=name, secret_sealed=sealed, created_at=now, confirmed_at=now
        )
        tx.session.add(row)
        tx.record(Event.TOTP_ADDED, actor=actor, object_id=str(person_id))


def set_state(identity: Identity, person_id: UUID, state: PersonState, *, actor: str) -> None:
    """Suspend a person, mark them as deceased, or let them in again; it counts at the next request (UI-7)."""
    with identity.transaction() as tx:
        tx.connection.execute(update(PERSONS).where(PERSONS.c.id == person_id).values(state=state))
        if state is not PersonState.ACTIVE:
            sessions.end_sessions_of(identity, tx, person_id)
        account_events.tell_state(identity, tx, person_id, state)
        tx.record(Event.PERSON_STATE_CHANGED, actor=actor, object_id=str(person_id), data={"state": state})
