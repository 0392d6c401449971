"""A second factor on another device: a number shown here is typed there, where the person is signed in strongly (§3.4).

An approval needs no enrolment of its own: it carries over what was proved on the other device, and so never reaches further
than two factors, and never out of a sign-in that was itself approved, or proved by a text message.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from identity.context import Identity
from identity.events import Event
from identity.models.approval import LIVE, Approval, ApprovalState
from identity.models.base import table_of
from identity.models.client_store import KnownClient, read_client_by_row
from identity.models.history import What
from identity.models.interaction import InteractionState
from identity.operations import history, interactions, notices, security, throttles
from identity.operations.authorize import Need
from identity.operations.interactions import Step
from identity.operations.refusals import ApprovalNotFound
from identity.operations.sessions import Session
from identity.operations.sign_in import Attempt, Browser, raise_or_sign_in
from identity.operations.unfinished import move_approval
from identity.standards import acr
from shared.crypto import constant_time_equal, sha256_hex
from shared.transaction import Transaction
from shared.web.words import gettext_noop

APPROVALS = table_of(Approval)
LIFE = timedelta(minutes=5)
METHOD = "mfa"
"""How a sign-in by approval is told in `amr`: factors on two devices (RFC 8176)."""
CARRIED = frozenset({"otp", "hwk", "swk"})
"""Methods of the other device that an approval may stand on."""


class Obstacle(StrEnum):
    """Why this browser may refuse an approval and not give it."""

    SAME_BROWSER = "same-browser"
    SHARED_DEVICE = "shared-device"
    TOO_WEAK = "too-weak"


@dataclass(frozen=True)
class Waiting:
    """A question as the browser that asks sees it."""

    match_code: str
    state: ApprovalState
    minutes: int


@dataclass(frozen=True)
class Shown:
    """A question as its person sees it on another device."""

    id: UUID
    client: KnownClient
    device: str
    place: str
    browser_hash: str
    created_at: datetime


def ask(identity: Identity, interaction_id: str, browser: Browser) -> bool:
    """Begin a question; one that waits already stays.  False when there were too many in a row (LK-1).

    Raises: InteractionNotFound, InteractionExpired.
    """
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        live = _latest(identity, tx, found.id_hash)
    person_id = _person_of(found)
    if person_id is None or (live is not None and live.state in LIVE):
        return True
    if not throttles.reserve(identity, _throttle(identity, person_id)):
        return False
    now, origin, approval_id = identity.clock.now(), browser.origin, identity.ids.uuid4()
    row = {
        "id": approval_id,
        "interaction_hash": found.id_hash,
        "browser_hash": sha256_hex(browser.interaction_token or ""),
        "person_id": person_id,
        "client_id": found.client.id,
        "match_code": identity.ids.pick("0123456789", 2),
        "device": origin.device,
        "place": origin.place,
        "state": ApprovalState.PENDING,
        "created_at": now,
        "expires_at": now + LIFE,
    }
    with identity.transaction() as tx:
        interactions.load(identity, tx, interaction_id, browser.interaction_token)  # a second press waits here for the first
        live = _latest(identity, tx, found.id_hash)
        if live is not None and live.state in LIVE:
            return True
        tx.connection.execute(APPROVALS.insert().values(row))
        tx.record(Event.APPROVAL_ASKED, actor="browser", object_id=str(approval_id), channel="web", data={"client": found.client.client_id})
        told = {"what": found.client.service_name, "device": origin.device, "place": origin.place}
        notices.tell(identity, tx, person_id, notices.Kind.SIGN_IN_ASKED, channels=(notices.Channel.EMAIL,), **told)
    return True


def look(identity: Identity, interaction_id: str, browser: Browser) -> Waiting | None:
    """Return the question of a sign-in; None where none was asked, or its time is over.

    Raises: InteractionNotFound, InteractionExpired.
    """
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        row = _latest(identity, tx, found.id_hash)
    if row is None or _person_of(found) != row.person_id:
        return None
    left = row.expires_at - identity.clock.now()
    return Waiting(row.match_code, ApprovalState(row.state), max(1, round(left.total_seconds() / 60)))


def redeem(identity: Identity, interaction_id: str, browser: Browser) -> Attempt:
    """Sign in where the other device said yes; no step where it has not, or the time is over.

    Raises: InteractionNotFound, InteractionExpired, OAuthError.
    """
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        if found.is_over:
            return Attempt(interactions.repeat(identity, tx, found) or Step(found.request, found.client, Need.NOTHING))
        row = _latest(identity, tx, found.id_hash)
        person_id = _person_of(found)
        if row is None or row.state != ApprovalState.APPROVED or row.person_id != person_id:
            return Attempt(None)
        move_approval(identity, tx, row.id, row.state, ApprovalState.USED, actor=f"person:{person_id}")
        attempt = raise_or_sign_in(identity, tx, found, browser, person_id=row.person_id, methods=(METHOD,))
    throttles.clear(identity, _throttle(identity, row.person_id))
    return attempt


def waiting_for(identity: Identity, person_id: UUID) -> list[Shown]:
    """Return what waits for a person's answer, the newest first."""
    wanted = (APPROVALS.c.person_id == person_id, APPROVALS.c.state == ApprovalState.PENDING)
    query = select(APPROVALS).where(*wanted, APPROVALS.c.expires_at > identity.clock.now()).order_by(APPROVALS.c.created_at.desc())
    with identity.reading() as tx:
        found = [_find_shown(tx, row) for row in tx.connection.execute(query).all()]
    return [shown for shown in found if shown is not None]


def show(identity: Identity, approval_id: UUID, person_id: UUID) -> Shown:
    """Return a question that waits for this person.  Raises: ApprovalNotFound."""
    with identity.reading() as tx:
        return _shown(tx, _pending(identity, tx, approval_id, person_id))


def obstacle(shown: Shown, session: Session, browser_token: str | None) -> Obstacle | None:
    """Return why this browser cannot say yes, or None."""
    if constant_time_equal(shown.browser_hash, sha256_hex(browser_token or "")):
        return Obstacle.SAME_BROWSER
    if session.kiosk:
        return Obstacle.SHARED_DEVICE
    is_strong = acr.satisfies(session.acr, acr.TWO_FACTORS) and bool(CARRIED & set(session.amr))
    return None if is_strong else Obstacle.TOO_WEAK


def answer(identity: Identity, approval_id: UUID, session: Session, browser_token: str | None, *, match_code: str) -> bool:
    """Say yes with the number; False when it is another one, which is a no: there is one try.  Raises: ApprovalNotFound."""
    with identity.transaction() as tx:
        row = _pending(identity, tx, approval_id, session.person_id, lock=True)
        if obstacle(_shown(tx, row), session, browser_token) is not None:
            raise ApprovalNotFound(gettext_noop("Say yes on another device, where you are signed in with an app or a passkey."))
        is_right = constant_time_equal(match_code.strip(), row.match_code)
        target = ApprovalState.APPROVED if is_right else ApprovalState.DENIED
        move_approval(identity, tx, row.id, row.state, target, actor=f"person:{session.person_id}")
        if not is_right:
            _note_refusal(identity, tx, row)
    return is_right


def deny(identity: Identity, approval_id: UUID, session: Session, *, not_me: bool) -> None:
    """Say no.  With `not_me` somebody else has the password: they are shut out, and it must be changed.  Raises: ApprovalNotFound."""
    with identity.transaction() as tx:
        row = _pending(identity, tx, approval_id, session.person_id, lock=not not_me)
        if not_me:  # denies this question with all others, after the sign-ins that asked: locks are taken in one order
            security.shut_out(identity, tx, session.person_id, about=approval_id)
        else:
            move_approval(identity, tx, row.id, row.state, ApprovalState.DENIED, actor=f"person:{session.person_id}")
        _note_refusal(identity, tx, row)


def _note_refusal(identity: Identity, tx: Transaction, row: Row[Any]) -> None:  # SQLAlchemy's own row
    shown = _shown(tx, row)
    told = {"service": shown.client.service_name, "organisation": shown.client.organisation_name}
    history.note(identity, tx, row.person_id, What.SIGN_IN_REFUSED, {**told, "device": row.device, "place": row.place})


def _person_of(found: interactions.Open) -> UUID | None:
    return found.person_id if found.state is InteractionState.IDENTIFIED else None


def _latest(identity: Identity, tx: Transaction, interaction_hash: str) -> Row[Any] | None:  # SQLAlchemy's own row
    """Return the live question of a sign-in, else the last one whose time is not over; locked."""
    query = select(APPROVALS).where(APPROVALS.c.interaction_hash == interaction_hash, APPROVALS.c.expires_at > identity.clock.now())
    query = query.order_by(APPROVALS.c.state.in_(LIVE).desc(), APPROVALS.c.created_at.desc()).limit(1)
    return tx.connection.execute(query.with_for_update()).one_or_none()


def _pending(identity: Identity, tx: Transaction, approval_id: UUID, person_id: UUID, *, lock: bool = False) -> Row[Any]:  # as above
    """Raises: ApprovalNotFound."""
    wanted = (APPROVALS.c.id == approval_id, APPROVALS.c.person_id == person_id, APPROVALS.c.state == ApprovalState.PENDING)
    query = select(APPROVALS).where(*wanted, APPROVALS.c.expires_at > identity.clock.now())
    row = tx.connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise ApprovalNotFound(gettext_noop("It was answered already, or its five minutes are over."))
    return row


def _shown(tx: Transaction, row: Row[Any]) -> Shown:  # as above
    """Raises: ApprovalNotFound when the client was blocked meanwhile."""
    shown = _find_shown(tx, row)
    if shown is None:
        raise ApprovalNotFound(gettext_noop("The service that asked is not there any more."))
    return shown


def _find_shown(tx: Transaction, row: Row[Any]) -> Shown | None:  # as above
    client = read_client_by_row(tx.connection, row.client_id)
    return Shown(row.id, client, row.device, row.place, row.browser_hash, row.created_at) if client else None


def _throttle(identity: Identity, person_id: UUID) -> bytes:
    return throttles.throttle_key(identity, "approval", str(person_id), None)
