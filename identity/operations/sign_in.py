"""The end of every road of signing in: a session, the device remembered, history and notice, and on to the client."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.finders import DEVICES, is_known_device
from identity.models.history import What
from identity.operations import history, interactions, notices, sessions
from identity.operations.authorize import Need
from identity.operations.interactions import Step
from identity.operations.sessions import Origin, Session
from shared.crypto import sha256_hex
from shared.transaction import Transaction

DEVICE_LIFE = timedelta(days=365)


@dataclass(frozen=True)
class Browser:
    """What a browser holds: the cookie of its interactions, of its session, and of a person's known device; and where it is."""

    interaction_token: str | None
    device_token: str | None
    session: Session | None
    origin: Origin = Origin()


@dataclass(frozen=True)
class Attempt:
    """The outcome of one form: `step` when it was right, else the person is asked again; `check` asks for the robot check too."""

    step: Step | None
    device_token: str | None = None
    check: bool = False


def sign_in(
    identity: Identity, tx: Transaction, found: interactions.Open, browser: Browser, *, person_id: UUID, amr: tuple[str, ...]
) -> Attempt:
    """Begin a session for a person who proved who they are, and move the interaction on."""
    origin = browser.origin
    session, token = sessions.begin_session(identity, tx, person_id, amr, before=browser.session, origin=origin)
    device_token = None
    if not origin.kiosk:
        if _is_new_device(identity, tx, person_id, browser.device_token):
            notices.tell(identity, tx, person_id, notices.Kind.NEW_DEVICE, device=origin.device, place=origin.place)
        device_token = _remember_device(identity, tx, person_id, browser.device_token)
    _record_success(identity, tx, found, session, origin=origin, what=What.LOGIN)
    return Attempt(interactions.advance(identity, tx, found, session, session_token=token), device_token)


def raise_or_sign_in(
    identity: Identity, tx: Transaction, found: interactions.Open, browser: Browser, *, person_id: UUID, methods: tuple[str, ...]
) -> Attempt:
    """Sign in with password and second factor, or raise the session whose password was asked for before."""
    session = browser.session
    if found.session_id is None:
        return sign_in(identity, tx, found, browser, person_id=person_id, amr=("pwd", *methods))
    if session is None or session.id != found.session_id or session.person_id != person_id:
        # The session that was to be raised has ended meanwhile: one factor is not enough to sign in.
        return Attempt(Step(found.request, found.client, Need.LOGIN))
    raised, token = sessions.raise_session(identity, tx, session, methods)
    _record_success(identity, tx, found, raised, origin=browser.origin, what=What.STEP_UP)
    return Attempt(interactions.advance(identity, tx, found, raised, session_token=token))


def _record_success(identity: Identity, tx: Transaction, found: interactions.Open, session: Session, *, origin: Origin, what: What) -> None:
    data: dict[str, str | int | bool | list[str]] = {"amr": list(session.amr), "acr": session.acr}
    channel = "kiosk" if origin.kiosk else "web"
    tx.record(Event.LOGIN_SUCCEEDED, actor=f"person:{session.person_id}", object_id=str(session.id), channel=channel, data=data)
    told = {"service": found.client.service_name, "organisation": found.client.organisation_name, "channel": channel}
    where = {"device": origin.device, "place": origin.place, "level": session.acr.rpartition(":")[2]}
    history.note(identity, tx, session.person_id, what, {**told, **where, "method": list(session.amr)})


def _is_new_device(identity: Identity, tx: Transaction, person_id: UUID, token: str | None) -> bool:
    """Answer whether a person who has devices comes with another; the very first one is no news."""
    if is_known_device(tx.connection, token, person_id, identity.clock.now()):
        return False
    return tx.connection.execute(select(DEVICES.c.person_id).where(DEVICES.c.person_id == person_id).limit(1)).first() is not None


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
