"""Sign in: RUN and password, then the code of an authenticator app.

Unknown, locked, suspended and wrong all cost the same and answer the same (PW-3, LK-5); which it was stands in the audit log.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.finders import (
    DEVICES,
    PASSWORDS,
    TOTPS,
    Credentials,
    find_credentials,
    has_second_factor,
    is_known_device,
    person_scope,
)
from identity.models.interaction import InteractionState
from identity.models.person import PersonState
from identity.operations import interactions, sessions, throttles
from identity.operations.authorize import Need
from identity.operations.interactions import Step
from identity.operations.sessions import Session
from identity.providers.base import Hashed
from identity.standards import rfc6238
from shared.context import Transaction
from shared.crypto import sha256_hex
from shared.run import Run

DEVICE_LIFE = timedelta(days=365)


@dataclass(frozen=True)
class Browser:
    """What a browser holds: the cookie of its interactions, of its session, and of a person's known device."""

    interaction_token: str | None
    device_token: str | None
    session: Session | None


@dataclass(frozen=True)
class Attempt:
    """The outcome of one form: `step` when it was right, else the person is asked again."""

    step: Step | None
    device_token: str | None = None


def submit_password(identity: Identity, interaction_id: str, browser: Browser, run: Run, password: str) -> Attempt:
    """Check RUN and password of a form.  Raises: InteractionNotFound, InteractionExpired, TooBusy, OAuthError for the client."""
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        if found.is_over:
            if (step := interactions.repeat(identity, tx, found)) is not None:
                return Attempt(step)
            return Attempt(Step(found.request, found.client, Need.NOTHING))
        credentials = find_credentials(tx.connection, identity.cipher, run)
        known = credentials is not None and is_known_device(
            tx.connection, browser.device_token, credentials.person_id, identity.clock.now()
        )
    key = throttles.throttle_key(identity, "password", str(run), browser.device_token if known else None)
    may_try = throttles.reserve(identity, key)
    usable = credentials if may_try and credentials and credentials.state is PersonState.ACTIVE else None
    stored = _stored(usable)
    if not identity.hasher.verify(stored, password) or usable is None:
        _record_failure(identity, run, "password", blocked=not may_try)
        return Attempt(None)
    throttles.clear(identity, key)
    if stored is not None and identity.hasher.is_outdated(stored):
        _rehash(identity, usable.person_id, password)
    return _password_was_right(identity, interaction_id, browser, usable.person_id)


def _stored(credentials: Credentials | None) -> Hashed | None:
    if credentials is None or credentials.hash is None or credentials.pepper_version is None:
        return None
    return Hashed(credentials.hash, credentials.pepper_version)


def _record_failure(identity: Identity, run: Run, factor: str, *, blocked: bool) -> None:
    event = Event.LOGIN_BLOCKED if blocked else Event.LOGIN_FAILED
    with identity.transaction() as tx:
        tx.record(event, actor="browser", outcome="refused", subject=f"cl-run:{run}", channel="web", data={"factor": factor})


def _rehash(identity: Identity, person_id: UUID, password: str) -> None:
    hashed = identity.hasher.hash(password)
    with identity.transaction() as tx:
        values = {"hash": hashed.text, "pepper_version": hashed.pepper_version}
        tx.connection.execute(update(PASSWORDS).where(PASSWORDS.c.person_id == person_id).values(values))
        tx.record(Event.PASSWORD_REHASHED, actor="identity", object_id=str(person_id), channel="system")


def _password_was_right(identity: Identity, interaction_id: str, browser: Browser, person_id: UUID) -> Attempt:
    """Go on to the second factor where the person has one, else sign in."""
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        if found.is_over:
            return Attempt(interactions.repeat(identity, tx, found))
        if has_second_factor(tx.connection, person_id):
            found = interactions.identify(tx, found, person_id)
            return Attempt(Step(found.request, found.client, Need.SECOND_FACTOR))
        return _sign_in(identity, tx, found, browser, person_id=person_id, amr=("pwd",))


def submit_code(identity: Identity, interaction_id: str, browser: Browser, code: str) -> Attempt:
    """Check the code of an authenticator app.  Raises: InteractionNotFound, InteractionExpired, OAuthError for the client."""
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        if found.is_over:
            if (step := interactions.repeat(identity, tx, found)) is not None:
                return Attempt(step)
            return Attempt(Step(found.request, found.client, Need.NOTHING))
    if found.state is not InteractionState.IDENTIFIED or found.person_id is None:
        return Attempt(interactions.look(identity, interaction_id, browser.interaction_token, browser.session))
    person_id = found.person_id
    key = throttles.throttle_key(identity, "otp", str(person_id), None)
    may_try = throttles.reserve(identity, key)
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        if not may_try or not _accept_code(identity, tx, person_id, code):
            event = Event.LOGIN_FAILED if may_try else Event.LOGIN_BLOCKED
            tx.record(event, actor="browser", outcome="refused", object_id=str(person_id), channel="web", data={"factor": "otp"})
            return Attempt(None)
        attempt = _with_second_factor(identity, tx, found, browser, person_id)
    throttles.clear(identity, key)
    return attempt


def _with_second_factor(identity: Identity, tx: Transaction, found: interactions.Open, browser: Browser, person_id: UUID) -> Attempt:
    """Sign in with both factors, or raise the session whose password was asked for before."""
    session = browser.session
    if found.session_id is not None and session is not None and session.id == found.session_id and session.person_id == person_id:
        raised, token = sessions.raise_session(identity, tx, session, "otp")
        _record_success(tx, person_id, raised)
        return Attempt(interactions.advance(identity, tx, found, raised, session_token=token))
    if found.session_id is not None:
        # The session that was to be raised has ended meanwhile: one factor is not enough to sign in.
        return Attempt(Step(found.request, found.client, Need.LOGIN))
    return _sign_in(identity, tx, found, browser, person_id=person_id, amr=("pwd", "otp"))


def _accept_code(identity: Identity, tx: Transaction, person_id: UUID, code: str) -> bool:
    """Take a code once: the step is stored by a conditional UPDATE, so that of two equal tries one wins."""
    now = identity.clock.now()
    rows = tx.connection.execute(
        select(TOTPS.c.id, TOTPS.c.secret_sealed, TOTPS.c.last_step).where(
            TOTPS.c.person_id == person_id, TOTPS.c.confirmed_at.is_not(None)
        )
    ).all()
    for row in rows:
        secret = identity.cipher.decrypt(row.secret_sealed, scope=person_scope(person_id))
        step = rfc6238.accepted_step(secret, code, now=now.timestamp(), last_step=row.last_step)
        if step is None:
            continue
        unused = or_(TOTPS.c.last_step.is_(None), TOTPS.c.last_step < step)
        taken = tx.connection.execute(update(TOTPS).where(TOTPS.c.id == row.id, unused).values(last_step=step, last_used_at=now))
        if taken.rowcount == 1:
            return True
    return False


def _sign_in(
    identity: Identity, tx: Transaction, found: interactions.Open, browser: Browser, *, person_id: UUID, amr: tuple[str, ...]
) -> Attempt:
    session, token = sessions.begin_session(identity, tx, person_id, amr, before=browser.session)
    device_token = _remember_device(identity, tx, person_id, browser.device_token)
    _record_success(tx, person_id, session)
    return Attempt(interactions.advance(identity, tx, found, session, session_token=token), device_token)


def _record_success(tx: Transaction, person_id: UUID, session: Session) -> None:
    data: dict[str, str | int | bool | list[str]] = {"amr": list(session.amr), "acr": session.acr}
    tx.record(Event.LOGIN_SUCCEEDED, actor=f"person:{person_id}", object_id=str(session.id), channel="web", data=data)


def _remember_device(identity: Identity, tx: Transaction, person_id: UUID, token: str | None) -> str:
    """Mark this browser as one of the person's, and return its token."""
    # A token that we did not give out is not taken up: somebody else may have planted it.
    is_ours = (
        bool(token) and tx.connection.execute(select(DEVICES.c.token_hash).where(DEVICES.c.token_hash == sha256_hex(token or ""))).first()
    )
    now, kept = identity.clock.now(), token if token and is_ours else identity.ids.token(32)
    row = {"token_hash": sha256_hex(kept), "person_id": person_id, "created_at": now, "expires_at": now + DEVICE_LIFE}
    statement = insert(DEVICES).values(row)
    tx.connection.execute(
        statement.on_conflict_do_update(index_elements=["token_hash", "person_id"], set_={"expires_at": row["expires_at"]})
    )
    return kept
