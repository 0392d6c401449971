"""Finders over several nouns: `find_…` may return None, `get_…` raises."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, exists, select
from sqlalchemy.dialects.postgresql import insert

from identity.models.authenticator import Passkey
from identity.models.base import table_of
from identity.models.company import CompanySubject
from identity.models.organisation import Member, Organisation, Role
from identity.models.person import KnownDevice, Password, Person, PersonState, Subject, TotpAuthenticator
from identity.standards.acr import PHISHING_RESISTANT
from identity.standards.oidc_claims import Facts
from identity.standards.pairwise import PairwiseKey, pairwise_sub
from shared.crypto import DataKeys, sha256_hex
from shared.run import Run, parse_run

PERSONS, PASSWORDS, TOTPS = table_of(Person), table_of(Password), table_of(TotpAuthenticator)
SUBJECTS, DEVICES, PASSKEYS = table_of(Subject), table_of(KnownDevice), table_of(Passkey)
COMPANY_SUBJECTS = table_of(CompanySubject)
MEMBERS, ORGANISATIONS = table_of(Member), table_of(Organisation)
RUN_INDEX = "person-run"


@dataclass(frozen=True)
class Credentials:
    """What a sign-in by RUN is checked against."""

    person_id: UUID
    state: PersonState
    hash: str | None
    pepper_version: str | None


def person_scope(person_id: UUID) -> str:
    """Return the name of a person's own data key."""
    return f"person:{person_id}"


def run_index(cipher: DataKeys, run: Run) -> bytes:
    """Return the keyed hash by which a RUN is found (RUN-6)."""
    return cipher.blind_index(str(run), purpose=RUN_INDEX)


def find_credentials(connection: Connection, cipher: DataKeys, run: Run) -> Credentials | None:
    """Return what a RUN signs in with."""
    joined = PERSONS.outerjoin(PASSWORDS, PASSWORDS.c.person_id == PERSONS.c.id)
    query = select(PERSONS.c.id, PERSONS.c.state, PASSWORDS.c.hash, PASSWORDS.c.pepper_version).select_from(joined)
    row = connection.execute(query.where(PERSONS.c.run_index == run_index(cipher, run))).one_or_none()
    return Credentials(row.id, PersonState(row.state), row.hash, row.pepper_version) if row else None


def is_known_device(connection: Connection, token: str | None, person_id: UUID, now: datetime) -> bool:
    """Answer whether this person has signed in from the browser that holds this token."""
    if not token:
        return False
    query = select(DEVICES.c.person_id).where(
        DEVICES.c.token_hash == sha256_hex(token), DEVICES.c.person_id == person_id, DEVICES.c.expires_at > now
    )
    return connection.execute(query).one_or_none() is not None


@dataclass(frozen=True)
class Factors:
    """Which strong factors a person has."""

    app: bool
    passkey: bool

    @property
    def any(self) -> bool:
        """True when there is one at all."""
        return self.app or self.passkey


def find_factors(connection: Connection, person_id: UUID) -> Factors:
    """Return which strong factors a person has: a confirmed authenticator app, a passkey."""
    app = exists().where(TOTPS.c.person_id == person_id, TOTPS.c.confirmed_at.is_not(None))
    passkey = exists().where(PASSKEYS.c.person_id == person_id)
    row = connection.execute(select(app.label("app"), passkey.label("passkey"))).one()
    return Factors(row.app, row.passkey)


def must_change_password(connection: Connection, person_id: UUID) -> bool:
    """Answer whether a person is to take another password before they go on (PW-6)."""
    query = select(PASSWORDS.c.person_id).where(PASSWORDS.c.person_id == person_id, PASSWORDS.c.must_change)
    return connection.execute(query).one_or_none() is not None


def can_reach(connection: Connection, person_id: UUID, acr: str) -> bool:
    """Answer whether a person has what a level takes."""
    factors = find_factors(connection, person_id)
    return factors.passkey if acr == PHISHING_RESISTANT else factors.any


def seal_facts(cipher: DataKeys, person_id: UUID, facts: Facts) -> bytes:
    """Return a person's facts under their own data key."""
    plain = {
        "run": str(facts.run),
        "given_names": facts.given_names,
        "family_names": facts.family_names,
        "email": facts.email,
        "email_verified": facts.email_verified,
        "phone": facts.phone,
        "phone_verified": facts.phone_verified,
        "birth_date": facts.birth_date.isoformat() if facts.birth_date else None,
    }
    return cipher.encrypt(json.dumps(plain, ensure_ascii=False), scope=person_scope(person_id))


def open_facts(cipher: DataKeys, person_id: UUID, sealed: bytes, updated_at: datetime) -> Facts:
    """Return a person's facts.  Raises: CannotDecrypt after erasure."""
    plain = json.loads(cipher.decrypt(sealed, scope=person_scope(person_id)))
    return Facts(
        run=parse_run(plain["run"]),
        given_names=tuple(plain["given_names"]),
        family_names=tuple(plain["family_names"]),
        email=plain["email"],
        email_verified=plain["email_verified"],
        phone=plain["phone"],
        phone_verified=plain["phone_verified"],
        updated_at=int(updated_at.timestamp()),
        birth_date=date.fromisoformat(plain["birth_date"]) if plain.get("birth_date") else None,
    )


def find_active_facts(connection: Connection, cipher: DataKeys, person_id: UUID) -> Facts | None:
    """Return the facts of an active person, or None."""
    row = connection.execute(
        select(PERSONS.c.facts_sealed, PERSONS.c.updated_at).where(PERSONS.c.id == person_id, PERSONS.c.state == PersonState.ACTIVE)
    ).one_or_none()
    return open_facts(cipher, person_id, row.facts_sealed, row.updated_at) if row else None


_SUB = select(SUBJECTS.c.sub).where(SUBJECTS.c.person_id == bindparam("person"), SUBJECTS.c.sector == bindparam("of_sector"))
"""Made once: this is a hot path."""


def find_subject(connection: Connection, person_id: UUID, sector: str) -> str | None:
    """Return a person's `sub` in a sector, if they were ever told of there."""
    return connection.execute(_SUB, {"person": person_id, "of_sector": sector}).scalar_one_or_none()


def subject_of(connection: Connection, key: PairwiseKey, person_id: UUID, sector: str) -> str:
    """Return a person's `sub` in a sector; the stored one counts, a new one is made and stored (§2.23)."""
    asked = {"person": person_id, "of_sector": sector}
    found = connection.execute(_SUB, asked).scalar_one_or_none()
    if found is None:
        row = {"person_id": person_id, "sector": sector, "sub": pairwise_sub(key, sector, person_id), "key_version": key.version}
        connection.execute(insert(SUBJECTS).values(row).on_conflict_do_nothing())
        found = connection.execute(_SUB, asked).scalar_one()
    return str(found)


def company_subject_of(connection: Connection, key: PairwiseKey, company_id: UUID, sector: str) -> str:
    """Return a company's `sub` in a sector, as subject_of does for a person (RP-2)."""
    stored = select(COMPANY_SUBJECTS.c.sub).where(COMPANY_SUBJECTS.c.company_id == company_id, COMPANY_SUBJECTS.c.sector == sector)
    found = connection.execute(stored).scalar_one_or_none()
    if found is None:
        row = {"company_id": company_id, "sector": sector, "sub": pairwise_sub(key, sector, company_id), "key_version": key.version}
        connection.execute(insert(COMPANY_SUBJECTS).values(row).on_conflict_do_nothing())
        found = connection.execute(stored).scalar_one()
    return str(found)


def roles_of(connection: Connection, person_id: UUID, now: datetime) -> tuple[str, ...]:
    """Return a person's roles that have not ended, as `organisation:role`; an operator's is `operator`, for the whole suite."""
    joined = MEMBERS.join(ORGANISATIONS, MEMBERS.c.organisation_id == ORGANISATIONS.c.id)
    lasting = MEMBERS.c.expires_at.is_(None) | (MEMBERS.c.expires_at > now)
    query = select(ORGANISATIONS.c.org_id, MEMBERS.c.role).select_from(joined).where(MEMBERS.c.person_id == person_id, lasting)
    rows = connection.execute(query).all()
    return tuple(sorted({row.role if row.role == Role.OPERATOR else f"{row.org_id}:{row.role}" for row in rows}))
