"""Sign in with RUN and password.

Unknown, locked, suspended and wrong all cost the same and answer the same (PW-3, LK-5); which it was stands in the audit log.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import update

from identity.context import Identity
from identity.events import Event
from identity.models.finders import PASSWORDS, Credentials, find_credentials, find_factors, is_known_device
from identity.models.history import What
from identity.models.person import PersonState
from identity.operations import guards, history, interactions, locks, notices, security, stages, throttles
from identity.operations.authorize import Need
from identity.operations.interactions import Step
from identity.operations.sign_in import Attempt, Browser, sign_in
from identity.providers.base import Hashed
from shared.run import Run


@dataclass(frozen=True)
class Typed:
    """What the sign-in form holds; `ticket` and `work` are those of the robot check."""

    run: Run
    password: str
    ticket: str = ""
    work: str = ""


def submit_password(identity: Identity, interaction_id: str, browser: Browser, typed: Typed) -> Attempt:
    """Check RUN and password of a form.  Raises: InteractionNotFound, InteractionExpired, TooBusy, OAuthError for the client.

    Who is turned away is so before anything is read or counted: it costs next to nothing, and nobody's tries are used up (PW-2).
    """
    with identity.hasher.place():
        return _submit_password(identity, interaction_id, browser, typed)


def _submit_password(identity: Identity, interaction_id: str, browser: Browser, typed: Typed) -> Attempt:
    run = typed.run
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
    checked = known or not guards.is_crowded(identity, browser.origin) or _passes_check(identity, typed)
    if not checked:
        return Attempt(None, check=True)
    key = throttles.throttle_key(identity, "password", str(run), browser.device_token if known else None)
    may_try = throttles.reserve(identity, key)
    if may_try and not known and guards.is_suspicious(identity, browser.origin, run, typed.password) and not _passes_check(identity, typed):
        return Attempt(None, check=True)
    usable = credentials if may_try and credentials and credentials.state is PersonState.ACTIVE else None
    stored = _stored(usable)
    if not identity.hasher.verify(stored, typed.password) or usable is None:
        _record_failure(identity, browser, typed, credentials, blocked=not may_try)
        return Attempt(None)
    waited = throttles.clear(identity, key)
    if stored is not None and identity.hasher.is_outdated(stored):
        _rehash(identity, usable.person_id, typed.password)
    bad = security.should_change(identity, usable.person_id, typed.password)
    return _password_was_right(identity, interaction_id, browser, usable.person_id, waited=waited, bad=bad)


def _passes_check(identity: Identity, typed: Typed) -> bool:
    return guards.passes(identity, "login", typed.ticket, typed.work)


def _stored(credentials: Credentials | None) -> Hashed | None:
    if credentials is None or credentials.hash is None or credentials.pepper_version is None:
        return None
    return Hashed(credentials.hash, credentials.pepper_version)


def _record_failure(identity: Identity, browser: Browser, typed: Typed, credentials: Credentials | None, *, blocked: bool) -> None:
    """Note a failure; the person reads of it once for each wait, not for each try of a stranger (§3.10)."""
    event = Event.LOGIN_BLOCKED if blocked else Event.LOGIN_FAILED
    with identity.transaction() as tx:
        tx.record(event, actor="browser", outcome="refused", subject=f"cl-run:{typed.run}", channel="web", data={"factor": "password"})
        if not blocked:
            guards.note_failure(identity, tx.connection, browser.origin, typed.run, typed.password)
        if blocked and credentials is not None and credentials.state is PersonState.ACTIVE:
            mark = f"blocked|{credentials.person_id}|{identity.clock.now():%Y%m%d%H}"
            if guards.spend(tx.connection, mark, identity.clock.now() + guards.HOUR):
                history.note(identity, tx, credentials.person_id, What.LOGIN_BLOCKED, {"method": ["pwd"]})
                notices.tell(identity, tx, credentials.person_id, notices.Kind.LOGIN_BLOCKED)


def _rehash(identity: Identity, person_id: UUID, password: str) -> None:
    hashed = identity.hasher.hash(password)
    with identity.transaction() as tx:
        values = {"hash": hashed.text, "pepper_version": hashed.pepper_version}
        tx.connection.execute(update(PASSWORDS).where(PASSWORDS.c.person_id == person_id).values(values))
        tx.record(Event.PASSWORD_REHASHED, actor="identity", object_id=str(person_id), channel="system")


def _password_was_right(identity: Identity, interaction_id: str, browser: Browser, person_id: UUID, *, waited: bool, bad: bool) -> Attempt:
    """Go on to the second factor where the person has one, else sign in; a password that thieves know is marked (PW-6).

    Raises: AccessDenied where the person does not reach the service, OAuthError as `interactions.advance`.
    """
    with identity.transaction() as tx:
        if waited:
            locks.note_unlocked(identity, tx, person_id, how="wait")
        if bad:
            security.mark_for_change(tx, person_id)
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        if found.is_over:
            return Attempt(interactions.repeat(identity, tx, found))
        # Asked now: later the refusal would undo what the second factor used up.
        stages.check(identity, tx.connection, found.client, person_id)
        if find_factors(tx.connection, person_id).any:
            found = interactions.identify(tx, found, person_id)
            return Attempt(Step(found.request, found.client, Need.SECOND_FACTOR))
        return sign_in(identity, tx, found, browser, person_id=person_id, amr=("pwd",))
