"""Login interactions: begin, find in its browser, move on, finish (AZ-24)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update

from identity.context import Identity
from identity.errors import InteractionExpired, InteractionNotFound, UnknownClient
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.interaction import INTERACTION_STATES, OPEN, Interaction, InteractionState
from identity.operations import authorize, consent, pushed_requests, representation, sessions, wallet_consents
from identity.operations.authorization_requests import AuthorizationRequest, from_json
from identity.operations.authorize import Need
from identity.operations.sessions import Session
from shared.crypto import constant_time_equal, sha256_hex
from shared.transaction import Transaction
from shared.web.words import gettext_noop

INTERACTIONS = table_of(Interaction)
REPEAT_SECONDS = 60
"""A form that was sent twice gets the same outcome for so long."""
TIMES_OVER = 10
"""So many times the time for a sign-in may be had, for those who need it."""


@dataclass(frozen=True)
class Step:
    """Where an interaction stands, and what it needs; `code` when it just finished, `session_token` when the cookie changes."""

    request: AuthorizationRequest
    client: KnownClient
    need: Need
    code: str | None = None
    session_token: str | None = None


@dataclass(frozen=True)
class Open:
    """An interaction as it was read, its row locked."""

    id_hash: str
    state: InteractionState
    request: AuthorizationRequest
    client: KnownClient
    person_id: UUID | None
    session_id: UUID | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        """True when it was finished, refused or expired."""
        return self.state not in OPEN


def begin(identity: Identity, client: KnownClient, request: AuthorizationRequest, *, browser: str | None) -> str:
    """Store a request and return its id.  Without `browser` (a cross-site POST) the first browser to come by GET takes it (AZ-1)."""
    now, interaction_id = identity.clock.now(), identity.ids.token(32)
    state = InteractionState.STARTED if browser else InteractionState.RECEIVED
    row = {
        "id_hash": sha256_hex(interaction_id),
        "browser_hash": sha256_hex(browser) if browser else None,
        "client_id": client.id,
        "request": request.as_json(),
        "state": state,
        "created_at": now,
        "expires_at": now + timedelta(seconds=identity.settings.interaction_ttl_seconds),
    }
    with identity.transaction() as tx:
        tx.connection.execute(INTERACTIONS.insert().values(row))
    return interaction_id


def take_up(identity: Identity, interaction_id: str, browser: str) -> None:
    """Bind a request that came by POST to the browser that follows it; one browser only."""
    with identity.transaction() as tx:
        taken = (
            update(INTERACTIONS)
            .where(INTERACTIONS.c.id_hash == sha256_hex(interaction_id), INTERACTIONS.c.state == InteractionState.RECEIVED)
            .values(browser_hash=sha256_hex(browser), state=InteractionState.STARTED)
        )
        tx.connection.execute(taken)


def load(identity: Identity, tx: Transaction, interaction_id: str, browser: str | None) -> Open:
    """Read and lock an interaction of this browser.  Raises: InteractionNotFound, InteractionExpired, UnknownClient."""
    query = select(INTERACTIONS).where(INTERACTIONS.c.id_hash == sha256_hex(interaction_id)).with_for_update()
    row = tx.connection.execute(query).one_or_none()
    if row is None or not browser or not constant_time_equal(row.browser_hash or "", sha256_hex(browser)):
        raise InteractionNotFound(gettext_noop("Go back to the service and start again."))
    request = from_json(row.request)
    client = identity.clients.find(request.client_id, tx.connection)
    if client is None:
        raise UnknownClient
    if row.expires_at <= identity.clock.now():
        raise InteractionExpired("Start again at the service.", start_url=client.start_url)
    _give_time(identity, tx, row)
    return Open(
        row.id_hash,
        InteractionState(row.state),
        request,
        client,
        row.person_id,
        row.session_id,
        row.created_at,
        row.finished_at,
    )


def _give_time(identity: Identity, tx: Transaction, row: Row[Any]) -> None:  # a row of Core has no type of its own
    """Give a person the whole time again at each step, so that nobody is turned away for being slow; not without end (§5)."""
    whole, now = timedelta(seconds=identity.settings.interaction_ttl_seconds), identity.clock.now()
    until = min(now + whole, row.created_at + TIMES_OVER * whole)
    if row.expires_at - now < whole / 2 and until > row.expires_at and row.state in OPEN:
        tx.connection.execute(update(INTERACTIONS).where(INTERACTIONS.c.id_hash == row.id_hash).values(expires_at=until))


def _move(tx: Transaction, found: Open, target: InteractionState, *, finished_at: datetime | None = None) -> Open:
    """Move an interaction on.  Raises: WrongState."""
    INTERACTION_STATES.check(found.state, target)
    moved = replace(found, state=target, finished_at=finished_at)
    _store(tx, moved)
    return moved


def _rebind(tx: Transaction, found: Open, person_id: UUID, session_id: UUID | None) -> Open:
    bound = replace(found, person_id=person_id, session_id=session_id)
    _store(tx, bound)
    return bound


def _store(tx: Transaction, found: Open) -> None:
    values = {"state": found.state, "person_id": found.person_id, "session_id": found.session_id, "finished_at": found.finished_at}
    tx.connection.execute(update(INTERACTIONS).where(INTERACTIONS.c.id_hash == found.id_hash).values(values))


def identify(tx: Transaction, found: Open, person_id: UUID) -> Open:
    """Note that a person's first factor was right; another person may take over before the end."""
    bound = _rebind(tx, found, person_id, None)
    return bound if bound.state is InteractionState.IDENTIFIED else _move(tx, bound, InteractionState.IDENTIFIED)


def look(identity: Identity, interaction_id: str, browser: str | None, session: Session | None) -> Step:
    """Return what an interaction needs now, moving it on as far as the browser's session reaches.

    Raises: InteractionNotFound, InteractionExpired, OAuthError for the client.
    """
    with identity.transaction() as tx:
        found = load(identity, tx, interaction_id, browser)
        if found.is_over:
            return Step(found.request, found.client, Need.NOTHING)
        return advance(identity, tx, found, session)


def advance(
    identity: Identity, tx: Transaction, found: Open, session: Session | None, *, session_token: str | None = None, consented: bool = False
) -> Step:
    """Move an interaction on as far as a session reaches; when nothing is missing it finishes with a code.

    Raises: OAuthError when the client forbade the page that would be needed.
    """
    need = authorize.next_need(
        identity, tx.connection, found.client, found.request, session, asked_at=found.created_at, consented=consented
    )
    authorize.refuse_if_silent(found.request, need)
    code = None
    if need is Need.SECOND_FACTOR and session and found.state is InteractionState.STARTED:
        _move(tx, _rebind(tx, found, session.person_id, session.id), InteractionState.IDENTIFIED)
    if need is Need.LOGIN and found.state is InteractionState.IDENTIFIED and found.session_id is None:
        need = Need.SECOND_FACTOR  # the password was right; the session comes with the code
    if need in {Need.PASSWORD, Need.REPRESENTED, Need.PERMISSION, Need.CONSENT, Need.NOTHING} and session is not None:
        found = _rebind(tx, found, session.person_id, session.id)
        if found.state is not InteractionState.AUTHENTICATED:
            found = _move(tx, found, InteractionState.AUTHENTICATED)
        if need is Need.NOTHING:
            code = _finish(identity, tx, found, session)
    return Step(found.request, found.client, need, code, session_token)


def _finish(identity: Identity, tx: Transaction, found: Open, session: Session) -> str:
    sessions.touch_session(identity, tx, session)
    pushed_requests.use_pushed(identity, tx, found.request)
    _move(tx, found, InteractionState.FINISHED, finished_at=identity.clock.now())
    return authorize.issue_code(identity, tx, found.client, found.request, session)


def repeat(identity: Identity, tx: Transaction, found: Open) -> Step | None:
    """Give the second of two equal form posts the outcome of the first, for a minute; None when that is over.

    The browser saw only this answer, so the session gets a new token, and the client a code of its own.
    """
    now = identity.clock.now()
    if found.state is not InteractionState.FINISHED or found.finished_at is None or found.session_id is None:
        return None
    if now - found.finished_at > timedelta(seconds=REPEAT_SECONDS):
        return None
    token = sessions.renew_token(identity, tx, found.session_id)
    session = sessions.find_session(identity, tx.connection, token)
    if session is None:
        return None
    code = authorize.issue_code(identity, tx, found.client, found.request, session)
    return Step(found.request, found.client, Need.NOTHING, code, token)


def choose_account(identity: Identity, interaction_id: str, browser: str | None, session: Session | None, *, stay: bool) -> None:
    """Note that the person goes on as who they are, or wants to sign in as another: then a new sign-in is forced.

    For whom they act is asked anew.

    Raises: InteractionNotFound, InteractionExpired.
    """
    with identity.transaction() as tx:
        found = load(identity, tx, interaction_id, browser)
        if found.is_over:
            return
        if session is not None:
            representation.forget_choice(tx, found.client, session)
        prompts = tuple(word for word in found.request.prompts if word != "select_account")
        request = replace(found.request, prompts=prompts if stay else (*prompts, "login"))
        tx.connection.execute(update(INTERACTIONS).where(INTERACTIONS.c.id_hash == found.id_hash).values(request=request.as_json()))


def give_consent(identity: Identity, interaction_id: str, browser: str | None, session: Session | None) -> Step:
    """Remember that the person agreed, and finish.  Raises: InteractionNotFound, InteractionExpired, OAuthError."""
    with identity.transaction() as tx:
        found = load(identity, tx, interaction_id, browser)
        if found.is_over:
            return repeat(identity, tx, found) or Step(found.request, found.client, Need.NOTHING)
        if found.state is not InteractionState.AUTHENTICATED or session is None or session.id != found.session_id:
            return advance(identity, tx, found, session)
        consent.remember_consent(identity, tx, found.client, found.request, session)
        return advance(identity, tx, found, session, consented=True)


def choose_represented(identity: Identity, interaction_id: str, browser: str | None, session: Session | None, answer: str) -> Step:
    """Remember for whom the person acts, a mandate's public id or empty for themselves, and go on (RP-3).

    Raises: InteractionNotFound, InteractionExpired, OAuthError.
    """
    with identity.transaction() as tx:
        found = load(identity, tx, interaction_id, browser)
        if found.is_over:
            return repeat(identity, tx, found) or Step(found.request, found.client, Need.NOTHING)
        if found.state is InteractionState.AUTHENTICATED and session is not None and session.id == found.session_id:
            representation.choose(identity, tx, found.client, found.request, session, answer=answer)
        return advance(identity, tx, found, session)


def take_permission(
    identity: Identity, interaction_id: str, browser: str | None, session: Session | None, given: wallet_consents.Given
) -> Step:
    """Put a consent that was given at the wallet in the place of the one that was asked for, and go on.

    One about somebody else than who is there now is left alone: the wallet asks anew.

    Raises: InteractionNotFound, InteractionExpired, OAuthError.
    """
    with identity.transaction() as tx:
        found = load(identity, tx, interaction_id, browser)
        if found.is_over:
            return repeat(identity, tx, found) or Step(found.request, found.client, Need.NOTHING)
        if found.state is InteractionState.AUTHENTICATED and session is not None and session.id == found.session_id:
            if wallet_consents.subject_of(identity, tx.connection, found.client, found.request, session) != given.subject:
                return advance(identity, tx, found, session)
            found = replace(found, request=wallet_consents.with_granted(identity, tx, found.client, found.request, given))
            tx.connection.execute(
                update(INTERACTIONS).where(INTERACTIONS.c.id_hash == found.id_hash).values(request=found.request.as_json())
            )
        return advance(identity, tx, found, session)


def refuse(identity: Identity, interaction_id: str, browser: str | None) -> Step:
    """End an interaction because the person, or the level they reached, said no.  Raises: InteractionNotFound."""
    with identity.transaction() as tx:
        found = load(identity, tx, interaction_id, browser)
        if not found.is_over:
            _move(tx, found, InteractionState.REFUSED, finished_at=identity.clock.now())
            action = INTERACTION_STATES.check(found.state, InteractionState.REFUSED)
            actor = f"person:{found.person_id}" if found.person_id else "browser"
            tx.record(action, actor=actor, object_id=found.client.client_id, channel="web")
        return Step(found.request, found.client, Need.NOTHING)
