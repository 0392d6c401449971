"""The second factor after the password: a code of an app, a recovery code, or a text message as a last resort (§3.2, §3.4)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.authenticator import MessageCode, RecoveryCode
from identity.models.base import table_of
from identity.models.finders import TOTPS, Factors, find_active_facts, find_factors, person_scope
from identity.models.history import What
from identity.models.interaction import InteractionState
from identity.operations import history, interactions, notices, throttles
from identity.operations.authorize import Need
from identity.operations.interactions import Step
from identity.operations.sign_in import Attempt, Browser, raise_or_sign_in
from identity.standards import acr, one_time_codes, rfc6238
from shared.crypto import constant_time_equal
from shared.transaction import Transaction

RECOVERY_CODES, MESSAGE_CODES = table_of(RecoveryCode), table_of(MessageCode)
RECOVERY_PURPOSE, MESSAGE_PURPOSE = "recovery-code", "message-code"
SMS_LIFE, EMAIL_LIFE = timedelta(minutes=10), timedelta(minutes=15)
TRIES = 5
LOGIN = "login"
RESEND_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Offer:
    """With what a person may go on; `phone_end` are the last figures of the telephone, empty when no message can be sent.

    `approval` is the yes on another device, for whom an app or a passkey gets in there.
    """

    person_id: UUID
    factors: Factors
    recovery_codes: bool
    phone_end: str
    sent: bool
    approval: bool = True


def offer(identity: Identity, interaction_id: str, browser: Browser) -> Offer | None:
    """Return what the page of the second factor offers; None when the password was not right yet in this interaction."""
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        if found.state is not InteractionState.IDENTIFIED or found.person_id is None:
            return None
        person_id = found.person_id
        factors = find_factors(tx.connection, person_id)
        if acr.wanted_level(found.request.acr_values) == acr.PHISHING_RESISTANT and factors.passkey and found.session_id is not None:
            return Offer(person_id, Factors(app=False, passkey=True), recovery_codes=False, phone_end="", sent=False, approval=False)
        unused = select(RECOVERY_CODES.c.id).where(RECOVERY_CODES.c.person_id == person_id, RECOVERY_CODES.c.used_at.is_(None)).limit(1)
        has_codes = tx.connection.execute(unused).first() is not None
        facts = find_active_facts(tx.connection, identity.cipher, person_id)
        phone = facts.phone if facts and facts.phone_verified and facts.phone else ""
        sent = _live_code(identity, tx, person_id, LOGIN) is not None
    return Offer(person_id, factors, has_codes, phone[-3:], sent, approval=factors.any)


def send_login_code(identity: Identity, interaction_id: str, browser: Browser) -> None:
    """Send a code by text message, at most once a minute.  Raises: InteractionNotFound, InteractionExpired."""
    with identity.transaction() as tx:
        found = interactions.load(identity, tx, interaction_id, browser.interaction_token)
        if found.state is not InteractionState.IDENTIFIED or found.person_id is None:
            return
        live = _live_code(identity, tx, found.person_id, LOGIN)
        if live is not None and identity.clock.now() - live.created_at < RESEND_AFTER:
            return
        code = make_message_code(identity, tx, found.person_id, LOGIN, channel=notices.Channel.SMS, life=SMS_LIFE)
        notices.tell(identity, tx, found.person_id, notices.Kind.LOGIN_CODE, channels=(notices.Channel.SMS,), code=code)


def submit_code(identity: Identity, interaction_id: str, browser: Browser, code: str) -> Attempt:
    """Check a code: of an app, of a message, or one from paper.  Raises: InteractionNotFound, InteractionExpired, OAuthError."""
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
        method = _accept(identity, tx, person_id, code) if may_try else None
        if method is None:
            event = Event.LOGIN_FAILED if may_try else Event.LOGIN_BLOCKED
            tx.record(event, actor="browser", outcome="refused", object_id=str(person_id), channel="web", data={"factor": "otp"})
            if may_try:
                history.note(identity, tx, person_id, What.LOGIN_FAILED, {"method": ["otp"], "device": browser.origin.device})
            return Attempt(None)
        attempt = raise_or_sign_in(identity, tx, found, browser, person_id=person_id, methods=(method,))
    throttles.clear(identity, key)
    return attempt


def _accept(identity: Identity, tx: Transaction, person_id: UUID, code: str) -> str | None:
    """Return the method that a code proves, used up now; None when it fits nothing."""
    plain = one_time_codes.canonical(code)
    if len(plain) == one_time_codes.RECOVERY_LENGTH:
        return "otp" if use_recovery_code(identity, tx, person_id, plain) else None
    if _accept_app_code(identity, tx, person_id, code):
        return "otp"
    return "sms" if use_message_code(identity, tx, person_id, LOGIN, plain) else None


def _accept_app_code(identity: Identity, tx: Transaction, person_id: UUID, code: str) -> bool:
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


def make_recovery_codes(identity: Identity, person_id: UUID) -> list[str]:
    """Give a person ten new codes, in place of those before; they are shown this once."""
    with identity.transaction() as tx:
        codes = write_recovery_codes(identity, tx, person_id)
        notices.tell(identity, tx, person_id, notices.Kind.CODES_MADE)
    return codes


def write_recovery_codes(identity: Identity, tx: Transaction, person_id: UUID) -> list[str]:
    """Write ten new codes in the transaction of something larger, and return them."""
    codes = [identity.ids.pick(one_time_codes.READABLE, one_time_codes.RECOVERY_LENGTH) for _ in range(one_time_codes.RECOVERY_COUNT)]
    now = identity.clock.now()
    tx.connection.execute(RECOVERY_CODES.delete().where(RECOVERY_CODES.c.person_id == person_id))
    index = [_recovery_index(identity, person_id, code) for code in codes]
    rows = [{"id": identity.ids.uuid4(), "person_id": person_id, "code_index": found, "created_at": now} for found in index]
    tx.connection.execute(RECOVERY_CODES.insert(), rows)
    tx.record(Event.RECOVERY_CODES_MADE, actor=f"person:{person_id}", object_id=str(person_id), channel="web")
    history.note(identity, tx, person_id, What.CODES_MADE)
    return codes


def use_recovery_code(identity: Identity, tx: Transaction, person_id: UUID, plain: str) -> bool:
    """Take a recovery code once."""
    wanted = (RECOVERY_CODES.c.person_id == person_id, RECOVERY_CODES.c.used_at.is_(None))
    mine = RECOVERY_CODES.c.code_index == _recovery_index(identity, person_id, plain)
    used = tx.connection.execute(update(RECOVERY_CODES).where(*wanted, mine).values(used_at=identity.clock.now()))
    if used.rowcount != 1:
        return False
    left = tx.connection.execute(select(func.count()).select_from(RECOVERY_CODES).where(*wanted)).scalar_one()
    tx.record(Event.RECOVERY_CODE_USED, actor=f"person:{person_id}", object_id=str(person_id), channel="web", data={"left": int(left)})
    history.note(identity, tx, person_id, What.CODE_USED)
    notices.tell(identity, tx, person_id, notices.Kind.CODE_USED, left=str(left))
    return True


def _recovery_index(identity: Identity, person_id: UUID, plain: str) -> bytes:
    return identity.cipher.blind_index(f"{person_id}|{plain}", purpose=RECOVERY_PURPOSE)


def make_message_code(
    identity: Identity, tx: Transaction, person_id: UUID, purpose: str, *, channel: notices.Channel, life: timedelta
) -> str:
    """Make the one live code of a purpose, in place of the one before, and return it."""
    code, now = identity.ids.pick(one_time_codes.DIGITS, one_time_codes.MESSAGE_LENGTH), identity.clock.now()
    row = {"person_id": person_id, "purpose": purpose, "channel": channel, "code_index": _message_index(identity, person_id, purpose, code)}
    row |= {"tries_left": TRIES, "created_at": now, "expires_at": now + life}
    statement = insert(MESSAGE_CODES).values(row)
    tx.connection.execute(statement.on_conflict_do_update(index_elements=["person_id", "purpose"], set_=row))
    tx.record(Event.MESSAGE_CODE_SENT, actor=f"person:{person_id}", object_id=str(person_id), data={"purpose": purpose, "channel": channel})
    return code


def use_message_code(identity: Identity, tx: Transaction, person_id: UUID, purpose: str, plain: str) -> bool:
    """Take a message code once; each try counts, and after five the code is dead."""
    live = _live_code(identity, tx, person_id, purpose)
    if live is None or len(plain) != one_time_codes.MESSAGE_LENGTH:
        return False
    mine = (MESSAGE_CODES.c.person_id == person_id, MESSAGE_CODES.c.purpose == purpose)
    if constant_time_equal(bytes(live.code_index), _message_index(identity, person_id, purpose, plain)):
        tx.connection.execute(MESSAGE_CODES.delete().where(*mine))
        return True
    tx.connection.execute(update(MESSAGE_CODES).where(*mine).values(tries_left=MESSAGE_CODES.c.tries_left - 1))
    return False


def _message_index(identity: Identity, person_id: UUID, purpose: str, plain: str) -> bytes:
    return identity.cipher.blind_index(f"{purpose}|{person_id}|{plain}", purpose=MESSAGE_PURPOSE)


def _live_code(identity: Identity, tx: Transaction, person_id: UUID, purpose: str) -> Row[Any] | None:  # SQLAlchemy's own row
    wanted = (MESSAGE_CODES.c.person_id == person_id, MESSAGE_CODES.c.purpose == purpose)
    query = select(MESSAGE_CODES).where(*wanted, MESSAGE_CODES.c.expires_at > identity.clock.now(), MESSAGE_CODES.c.tries_left > 0)
    return tx.connection.execute(query.with_for_update()).one_or_none()
