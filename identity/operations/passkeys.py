"""Passkeys: add one, and sign in with one, with or without a RUN typed before (WA-1…WA-7)."""

import base64
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.authenticator import PasskeyUser
from identity.models.base import table_of
from identity.models.finders import PASSKEYS, PERSONS, find_active_facts
from identity.models.history import What
from identity.models.interaction import InteractionState
from identity.models.person import PersonState
from identity.operations import guards, history, interactions, locks, notices
from identity.operations.authorize import Need
from identity.operations.interactions import Step
from identity.operations.refusals import PasskeyRefused
from identity.operations.sign_in import Attempt, Browser, raise_or_sign_in, sign_in
from identity.standards import webauthn_ceremonies as ceremonies
from shared.transaction import Transaction
from shared.web.words import gettext_noop

log = structlog.get_logger("andamio.identity.passkeys")
USERS = table_of(PasskeyUser)


def _key(identity: Identity) -> bytes:
    return identity.cipher.derive("passkey-challenge")


def _challenge(identity: Identity, purpose: str) -> bytes:
    now = int(identity.clock.now().timestamp())
    return ceremonies.make_challenge(_key(identity), purpose=purpose, nonce=identity.ids.token(16).encode(), now=now)


def _take_challenge(identity: Identity, tx: Transaction, credential: str, purpose: str) -> bytes:
    """Return the challenge of an answer, used up now.  Raises: NotAccepted."""
    now = identity.clock.now()
    challenge = ceremonies.challenge_of(credential)
    ceremonies.check_challenge(_key(identity), challenge, purpose=purpose, now=int(now.timestamp()))
    if not guards.spend(tx.connection, ceremonies.challenge_mark(challenge), now + timedelta(seconds=2 * ceremonies.LIFE_SECONDS)):
        raise ceremonies.NotAccepted("challenge used before")
    return challenge


def _origins(identity: Identity) -> list[str]:
    return [identity.settings.public_url, *identity.settings.passkey_origins]


def options_to_add(identity: Identity, person_id: UUID) -> str:
    """Return what the browser needs to make a passkey for a person who is signed in."""
    with identity.transaction() as tx:
        row = {"person_id": person_id, "handle": base64.urlsafe_b64decode(identity.ids.token(64) + "==")}
        tx.connection.execute(insert(USERS).values(row).on_conflict_do_nothing())
        handle = tx.connection.execute(select(USERS.c.handle).where(USERS.c.person_id == person_id)).scalar_one()
        known = tx.connection.execute(select(PASSKEYS.c.credential_id).where(PASSKEYS.c.person_id == person_id)).scalars().all()
        facts = find_active_facts(tx.connection, identity.cipher, person_id)
    name = facts.full_name if facts else ""
    challenge = _challenge(identity, f"add|{person_id}")
    return ceremonies.creation_options(
        rp_id=identity.rp_id, rp_name=identity.settings.operator_name, handle=handle, name=name, challenge=challenge, known=known
    )


def add(identity: Identity, person_id: UUID, credential: str, *, name: str) -> None:
    """Give a person a passkey.  Raises: PasskeyRefused."""
    now = identity.clock.now()
    try:
        with identity.transaction() as tx:
            challenge = _take_challenge(identity, tx, credential, f"add|{person_id}")
            made = ceremonies.verify_made(credential, challenge=challenge, rp_id=identity.rp_id, origins=_origins(identity))
            row = {
                "id": identity.ids.uuid4(),
                "person_id": person_id,
                "credential_id": made.credential_id,
                "public_key": made.public_key,
                "sign_count": made.sign_count,
                "backup_eligible": made.backup_eligible,
                "backed_up": made.backed_up,
                "name": name,
                "created_at": now,
            }
            if not tx.connection.execute(insert(PASSKEYS).values(row).on_conflict_do_nothing()).rowcount:
                raise ceremonies.NotAccepted("credential known before")
            tx.record(Event.PASSKEY_ADDED, actor=f"person:{person_id}", object_id=str(row["id"]), channel="web")
            history.note(identity, tx, person_id, What.AUTHENTICATOR_ADDED, {"name": name})
            notices.tell(identity, tx, person_id, notices.Kind.AUTHENTICATOR_ADDED, what=name)
    except ceremonies.NotAccepted as fault:
        log.warning("passkey not added", check=str(fault))
        raise PasskeyRefused(gettext_noop("Try again. If it does not work, use another device or key.")) from None


def options_to_sign_in(identity: Identity, interaction_id: str) -> str:
    """Return what the browser needs for signing in without a RUN; nobody is named, so nothing is told about any RUN (WA-4)."""
    return ceremonies.request_options(rp_id=identity.rp_id, challenge=_challenge(identity, interaction_id))


def options_for_person(identity: Identity, interaction_id: str, person_id: UUID) -> str:
    """Return what the browser needs for the second factor: the person is known by then."""
    with identity.reading() as tx:
        known = tx.connection.execute(select(PASSKEYS.c.credential_id).where(PASSKEYS.c.person_id == person_id)).scalars().all()
    return ceremonies.request_options(rp_id=identity.rp_id, challenge=_challenge(identity, interaction_id), allowed=known)


def submit_passkey(identity: Identity, interaction_id: str, browser: Browser, credential: str) -> Attempt:
    """Sign in, or raise a session, with a passkey.  Waits after wrong passwords do not count here (LK-2).

    Raises: InteractionNotFound, InteractionExpired, OAuthError for the client.
    """
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        if found.is_over:
            return Attempt(interactions.repeat(identity, tx, found) or Step(found.request, found.client, Need.NOTHING))
        try:
            challenge = _take_challenge(identity, tx, credential, interaction_id)
            row = _owner(identity, tx, credential, challenge)
        except ceremonies.NotAccepted as fault:
            tx.record(
                Event.LOGIN_FAILED, actor="browser", outcome="refused", channel="web", data={"factor": "passkey", "check": str(fault)[:60]}
            )
            return Attempt(None)
        methods = ("swk" if row.backup_eligible else "hwk", "user")
        locks.unlock(identity, tx, row.person_id, how="passkey")
        second = found.state is InteractionState.IDENTIFIED and found.person_id == row.person_id
        if second:
            return raise_or_sign_in(identity, tx, found, browser, person_id=row.person_id, methods=methods)
        return sign_in(identity, tx, found, browser, person_id=row.person_id, amr=methods)


def _owner(identity: Identity, tx: Transaction, credential: str, challenge: bytes) -> Row[tuple[object, ...]]:
    """Return the row of the passkey that was used, its count brought on.  Raises: NotAccepted."""
    joined = PASSKEYS.join(PERSONS, PERSONS.c.id == PASSKEYS.c.person_id)
    wanted = ceremonies.credential_id_of(credential)
    query = select(PASSKEYS).select_from(joined).where(PASSKEYS.c.credential_id == wanted, PERSONS.c.state == PersonState.ACTIVE)
    row = tx.connection.execute(query.with_for_update(of=PASSKEYS)).one_or_none()
    if row is None:
        raise ceremonies.NotAccepted("unknown credential")
    used = ceremonies.verify_used(
        credential, challenge=challenge, rp_id=identity.rp_id, origins=_origins(identity), public_key=row.public_key
    )
    if (used.sign_count or row.sign_count) and used.sign_count <= row.sign_count:
        # It may have been copied, or its maker counts badly: the person and the log are told, nobody is locked out (WA-3).
        tx.record(Event.PASSKEY_COUNT_WENT_BACK, actor="browser", object_id=str(row.id), channel="web")
        notices.tell(identity, tx, row.person_id, notices.Kind.SIGN_COUNT, what=row.name)
    values = {
        "sign_count": max(used.sign_count, row.sign_count),
        "backed_up": used.backed_up,
        "last_used_at": identity.clock.now(),
    }
    tx.connection.execute(update(PASSKEYS).where(PASSKEYS.c.id == row.id).values(values))
    return row
