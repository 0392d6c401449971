"""Make, activate, retire and remove signing keys (KY-1…KY-4)."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from joserfc.jwk import Key
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from identity.context import Identity
from identity.errors import RegisterNotFound
from identity.events import Event
from identity.models.key_store import SEALED_UNDER
from identity.models.signing_key import KEY_STATES, KeyState, SigningKey
from identity.standards import jose
from shared.transaction import Transaction

ACTOR = "identity"
TENDING_LOCK = 0x1D3A_0001
"""Advisory lock: one process tends keys at a time."""


def ensure_keys(identity: Identity) -> None:
    """Make the first key of each algorithm; it signs at once, since nobody has cached anything yet."""
    with identity.transaction() as tx:
        _take_turn(tx)
        for alg in jose.SIGNING_ALGORITHMS:
            if _find(tx.session, alg, KeyState.ACTIVE) is None:
                _create(identity, tx, alg, KeyState.ACTIVE, actor=ACTOR)
    identity.keys.forget()


def rotate_keys(identity: Identity, *, actor: str, emergency: bool = False) -> list[str]:
    """Bring each algorithm one step on, and return what was done in words.

    A key that waits becomes the one that signs when it has waited long enough, at once in an `emergency`; with none waiting, one is made.
    """
    done: list[str] = []
    made = {alg: jose.generate_key(alg) for alg in jose.SIGNING_ALGORITHMS}  # beforehand: a key's age counts from its publication
    with identity.transaction() as tx:
        _take_turn(tx)
        for alg in jose.SIGNING_ALGORITHMS:
            pending = _find(tx.session, alg, KeyState.PENDING)
            if pending is None:
                pending = _create(identity, tx, alg, KeyState.PENDING, actor=actor, key=made[alg])
                done.append(f"{alg}: new key {pending.kid} is published and waits")
            if emergency or _has_waited(identity, pending):
                _replace(identity, tx, pending, actor=actor)
                done.append(f"{alg}: key {pending.kid} signs from now on")
    identity.keys.forget()
    return done


def revoke_keys(identity: Identity, kids: Sequence[str], *, actor: str) -> list[str]:
    """Take the trust away from keys that were stolen, and return what was done in words (KY-4).

    They leave the JWKS at once, which names them from then on; what they signed is refused from then on, here and by every service.
    Where one of them signed, another signs in its place: the one that waits, unless it was stolen too, else a new one.
    Raises: RegisterNotFound.
    """
    done: list[str] = []
    made = {alg: jose.generate_key(alg) for alg in jose.SIGNING_ALGORITHMS}
    with identity.transaction() as tx:
        _take_turn(tx)
        for kid in kids:
            row = tx.session.get(SigningKey, kid)
            if row is None:
                raise RegisterNotFound(f"There is no key {kid}.")
            if row.state != KeyState.REVOKED:
                _move(tx, row, KeyState.REVOKED, actor=actor)
                row.revoked_at = identity.clock.now()
                tx.session.flush()
                done.append(f"{row.alg}: key {row.kid} is trusted no more")
        for alg in jose.SIGNING_ALGORITHMS:
            if _find(tx.session, alg, KeyState.ACTIVE) is None:
                pending = _find(tx.session, alg, KeyState.PENDING)
                pending = pending or _create(identity, tx, alg, KeyState.PENDING, actor=actor, key=made[alg])
                _replace(identity, tx, pending, actor=actor)
                done.append(f"{alg}: key {pending.kid} signs from now on")
    identity.keys.forget()
    return done


def tend_keys(identity: Identity) -> None:
    """Do what time asks: publish a successor, let it sign after its wait, take old keys out of the JWKS."""
    settings, now = identity.settings, identity.clock.now()
    with identity.transaction() as tx:
        _take_turn(tx)
        for alg in jose.SIGNING_ALGORITHMS:
            active, pending = _find(tx.session, alg, KeyState.ACTIVE), _find(tx.session, alg, KeyState.PENDING)
            if active is None:
                _create(identity, tx, alg, KeyState.ACTIVE, actor=ACTOR)
            elif pending is None and _is_older(active.activated_at, settings.key_active_seconds - settings.key_pending_seconds, now):
                _create(identity, tx, alg, KeyState.PENDING, actor=ACTOR)
            elif pending and _has_waited(identity, pending) and _is_older(active.activated_at, settings.key_active_seconds, now):
                _replace(identity, tx, pending, actor=ACTOR)
        for old in tx.session.scalars(select(SigningKey).where(SigningKey.state == KeyState.RETIRED)):
            if _is_older(old.retired_at, settings.key_retired_seconds, now):
                _move(tx, old, KeyState.REMOVED, actor=ACTOR)
                old.removed_at = now
    identity.keys.forget()


def _take_turn(tx: Transaction) -> None:
    tx.connection.execute(select(func.pg_advisory_xact_lock(TENDING_LOCK)))


def _is_older(moment: datetime | None, seconds: int, now: datetime) -> bool:
    return moment is not None and now - moment >= timedelta(seconds=seconds)


def _has_waited(identity: Identity, pending: SigningKey) -> bool:
    return _is_older(pending.created_at, identity.settings.key_pending_seconds, identity.clock.now())


def _find(session: Session, alg: str, state: KeyState) -> SigningKey | None:
    return session.scalars(select(SigningKey).where(SigningKey.alg == alg, SigningKey.state == state)).one_or_none()


def _create(identity: Identity, tx: Transaction, alg: str, state: KeyState, *, actor: str, key: Key | None = None) -> SigningKey:
    key = key or jose.generate_key(alg)
    now = identity.clock.now()
    kid = key.thumbprint()
    sealed = identity.cipher.encrypt(json.dumps(key.as_dict(private=True)), scope=SEALED_UNDER)
    row = SigningKey(
        kid=kid, alg=alg, state=state, private_sealed=sealed, public_jwk=jose.public_jwk(key, alg=alg, kid=kid), created_at=now
    )
    row.activated_at = now if state is KeyState.ACTIVE else None
    tx.session.add(row)
    tx.session.flush()
    tx.record(Event.KEY_CREATED, actor=actor, object_id=kid, channel="system", data={"alg": alg, "state": state})
    return row


def _replace(identity: Identity, tx: Transaction, pending: SigningKey, *, actor: str) -> None:
    """Retire the key that signs, and let the waiting one sign."""
    now = identity.clock.now()
    active = _find(tx.session, pending.alg, KeyState.ACTIVE)
    if active is not None:
        _move(tx, active, KeyState.RETIRED, actor=actor)
        active.retired_at = now
        tx.session.flush()
    _move(tx, pending, KeyState.ACTIVE, actor=actor)
    pending.activated_at = now
    tx.session.flush()


def _move(tx: Transaction, row: SigningKey, target: KeyState, *, actor: str) -> None:
    action = KEY_STATES.check(KeyState(row.state), target)
    row.state = target
    tx.record(action, actor=actor, object_id=row.kid, channel="system", data={"alg": row.alg})
