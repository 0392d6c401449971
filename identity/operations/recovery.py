"""Recover an account (§3.7): the same answer for every RUN, two proofs where there were two factors, a day of waiting for weak ones.

Proofs: `email` and `sms` are codes sent to contacts that are old enough; `recovery-code` is one from paper.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.finders import DEVICES, PASSWORDS, find_credentials, find_factors
from identity.models.history import What
from identity.models.person import PersonState
from identity.models.recovery import RECOVERY_STATES, Recovery, RecoveryState
from identity.operations import contacts, guards, history, locks, notices, security, throttles
from identity.operations.refusals import PasswordRefused, RecoveryRefused
from identity.operations.second_factors import make_message_code, use_message_code, use_recovery_code
from identity.operations.throttles import throttle_key
from identity.standards import one_time_codes
from shared.crypto import sha256_hex
from shared.run import Run
from shared.transaction import Transaction
from shared.web.words import gettext_noop

RECOVERIES = table_of(Recovery)
LIFE = timedelta(days=3)
WAIT = timedelta(hours=24)
EMAIL_LIFE = timedelta(hours=24)
SMS_LIFE = timedelta(minutes=10)
PURPOSE = "recovery:"
PER_DAY_MAX = 5
"""Codes sent to one person in a day: nobody's telephone is made to ring all night."""


@dataclass(frozen=True)
class Open:
    """A recovery as its page sees it; whoever typed an unknown RUN sees the same."""

    state: RecoveryState
    proofs: tuple[str, ...]
    person_id: UUID | None
    is_ready: bool


def begin(identity: Identity, run: Run) -> str:
    """Begin a recovery, send codes to the contacts there are, and return its id; for an unknown RUN all looks the same."""
    now, recovery_id, cancel = identity.clock.now(), identity.ids.token(32), identity.ids.token(32)
    with identity.transaction() as tx:
        found = find_credentials(tx.connection, identity.cipher, run)
        person_id = found.person_id if found and found.state is PersonState.ACTIVE else None
        row: dict[str, object] = {
            "id_hash": sha256_hex(recovery_id),
            "person_id": person_id,
            "cancel_hash": sha256_hex(cancel),
            "proofs": [],
        }
        row |= {"state": RecoveryState.STARTED, "created_at": now, "expires_at": now + LIFE}
        tx.connection.execute(RECOVERIES.insert().values(row))
        tx.record(Event.RECOVERY_STARTED, actor="browser", subject=f"cl-run:{run}", channel="web")
        if person_id is not None:
            _send_codes(identity, tx, person_id)
    return recovery_id


def _send_codes(identity: Identity, tx: Transaction, person_id: UUID) -> None:
    """Send a code to each contact that may serve, at most a few times a day."""
    now = identity.clock.now()
    counts = guards.count(identity, tx.connection, {("recovery", str(person_id)): timedelta(days=1)})
    if counts["recovery"] > PER_DAY_MAX:
        return
    history.note(identity, tx, person_id, What.RECOVERY_STARTED)
    for channel, life in ((notices.Channel.EMAIL, EMAIL_LIFE), (notices.Channel.SMS, SMS_LIFE)):
        if contacts.may_recover_by(tx, person_id, channel, now):
            code = make_message_code(identity, tx, person_id, PURPOSE + channel, channel=channel, life=life)
            notices.tell(identity, tx, person_id, notices.Kind.RECOVERY_CODE, channels=(channel,), code=code)


def look(identity: Identity, recovery_id: str) -> Open:
    """Return how a recovery stands.  Raises: RecoveryRefused for one that is over or was never begun."""
    with identity.reading() as tx:
        return _read(identity, tx, recovery_id, lock=False)


def _read(identity: Identity, tx: Transaction, recovery_id: str, *, lock: bool) -> Open:
    now = identity.clock.now()
    query = select(RECOVERIES).where(RECOVERIES.c.id_hash == sha256_hex(recovery_id), RECOVERIES.c.expires_at > now)
    row = tx.connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or row.state in {RecoveryState.CANCELLED, RecoveryState.DONE}:
        raise RecoveryRefused(gettext_noop("This recovery is over. Begin again."))
    state = RecoveryState(row.state)
    ready = state is RecoveryState.PROVED or (state is RecoveryState.WAITING and row.ready_at is not None and row.ready_at <= now)
    return Open(state, tuple(row.proofs), row.person_id, ready)


def prove(identity: Identity, recovery_id: str, code: str) -> Open:
    """Take a code: of the email, of the text message, or from paper.  Raises: RecoveryRefused when it fits nothing."""
    plain = one_time_codes.canonical(code)
    with identity.reading() as tx:
        person_id = _read(identity, tx, recovery_id, lock=False).person_id
    key = throttle_key(identity, "recovery", str(person_id or recovery_id), None)
    may_try = throttles.reserve(identity, key)
    found: Open | None = None
    with identity.transaction() as tx:
        present = _read(identity, tx, recovery_id, lock=True)
        proof = _proof_of(identity, tx, present.person_id, plain) if may_try and present.person_id is not None else None
        if proof is not None and present.person_id is not None:
            proofs = tuple(dict.fromkeys((*present.proofs, proof)))
            found = _advance(identity, tx, recovery_id, present, person_id=present.person_id, proofs=proofs)
    if found is None:
        raise RecoveryRefused(gettext_noop("The code is not right, or it is too old."))
    throttles.clear(identity, key)
    return found


def _proof_of(identity: Identity, tx: Transaction, person_id: UUID, plain: str) -> str | None:
    if len(plain) == one_time_codes.RECOVERY_LENGTH:
        return "recovery-code" if use_recovery_code(identity, tx, person_id, plain) else None
    for channel in notices.CONTACTS:
        if use_message_code(identity, tx, person_id, PURPOSE + channel, plain):
            return str(channel)
    return None


def _advance(identity: Identity, tx: Transaction, recovery_id: str, present: Open, *, person_id: UUID, proofs: tuple[str, ...]) -> Open:
    """Move on: one proof is enough for a password alone, two different ones for more; a lone weak one waits a day."""
    strong = find_factors(tx.connection, person_id).any
    enough = len(proofs) >= 2 if strong else bool(proofs)
    target = RecoveryState.PROVED if enough else RecoveryState.WAITING
    now, cancel = identity.clock.now(), identity.ids.token(32)
    values: dict[str, object] = {"proofs": list(proofs)}
    if target is not present.state:
        action = RECOVERY_STATES.check(present.state, target)
        values["state"] = target
        tx.record(action, actor=f"person:{person_id}", object_id=str(person_id), channel="web", data={"proofs": list(proofs)})
        if target is RecoveryState.WAITING:
            values |= {"ready_at": now + WAIT, "cancel_hash": sha256_hex(cancel)}
            link = f"{identity.settings.public_url}/recover/stop/{cancel}"
            notices.tell(identity, tx, person_id, notices.Kind.RECOVERY_WAITS, link=link)
    tx.connection.execute(update(RECOVERIES).where(RECOVERIES.c.id_hash == sha256_hex(recovery_id)).values(values))
    return Open(target, proofs, person_id, target is RecoveryState.PROVED)


def finish(identity: Identity, recovery_id: str, password: str) -> None:
    """Set the new password: every session, token and known device ends; passkeys stay.

    Raises: RecoveryRefused, PasswordRefused, TooBusy.
    """
    present = look(identity, recovery_id)
    if not present.is_ready or present.person_id is None:
        raise RecoveryRefused(gettext_noop("This recovery still waits."))
    person_id = present.person_id
    if (fault := security.fault_of_password(identity, person_id, password)) is not None:
        raise PasswordRefused(security.FAULTS[fault], fault=str(fault))
    hashed, now = identity.hasher.hash(password), identity.clock.now()
    row = {"person_id": person_id, "hash": hashed.text, "pepper_version": hashed.pepper_version, "changed_at": now, "must_change": False}
    with identity.transaction() as tx:
        present = _read(identity, tx, recovery_id, lock=True)
        action = RECOVERY_STATES.check(present.state, RecoveryState.DONE)
        tx.connection.execute(update(RECOVERIES).where(RECOVERIES.c.id_hash == sha256_hex(recovery_id)).values(state=RecoveryState.DONE))
        tx.connection.execute(insert(PASSWORDS).values(row).on_conflict_do_update(index_elements=["person_id"], set_=row))
        security.close_sessions(identity, tx, person_id)
        tx.connection.execute(DEVICES.delete().where(DEVICES.c.person_id == person_id))
        tx.record(action, actor=f"person:{person_id}", object_id=str(person_id), channel="web")
        locks.unlock(identity, tx, person_id, how="recovery")
        history.note(identity, tx, person_id, What.RECOVERY_DONE)
        notices.tell(identity, tx, person_id, notices.Kind.RECOVERED)


def cancel(identity: Identity, cancel_token: str) -> bool:
    """Stop a recovery by the link of its notice; False when there is nothing to stop."""
    with identity.transaction() as tx:
        query = select(RECOVERIES).where(RECOVERIES.c.cancel_hash == sha256_hex(cancel_token)).with_for_update()
        row = tx.connection.execute(query).one_or_none()
        if row is None or not RECOVERY_STATES.allows(RecoveryState(row.state), RecoveryState.CANCELLED) or row.person_id is None:
            return False
        values = {"state": RecoveryState.CANCELLED}
        tx.connection.execute(update(RECOVERIES).where(RECOVERIES.c.id_hash == row.id_hash).values(values))
        tx.record(Event.RECOVERY_CANCELLED, actor="browser", object_id=str(row.person_id), channel="web")
        history.note(identity, tx, row.person_id, What.RECOVERY_CANCELLED)
    return True
