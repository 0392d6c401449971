"""Signing keys: made pending, then active, then retired; published from the first day to the last use.

Spec: wallet contract §18.
"""

import json
from datetime import timedelta

from joserfc.jwk import ECKey
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.events import Event
from wallet.models.signing_key import SigningKey
from wallet.standards.consent_token import LIFETIME_SECONDS_MAX
from wallet.standards.signing import new_key

PREFIXES = {"consent-token": "ct", "evidence": "ev", "receipt": "rc", "status-list": "sl", "event": "set"}
USES = tuple(PREFIXES)
SCOPE = "service:wallet:keys"
CACHE_SECONDS = 2
LOCK = 0x77616C6B  # "walk": one maker of keys at a time
PENDING_SECONDS = 3600
"""How long a key is published before it signs, so that every verifier has it."""
RETIRED_SECONDS = {
    "consent-token": 2 * LIFETIME_SECONDS_MAX,
    "evidence": 10 * 366 * 24 * 3600,
    "receipt": 10 * 366 * 24 * 3600,
    "status-list": 7 * 24 * 3600,
    "event": 30 * 24 * 3600,
}
"""How long a key stays published after it signed last: a token dies in minutes, evidence lies in case files for years."""


def make_key(wallet: Wallet, use: str, *, actor: str) -> str:
    """Make a pending key, or an active one where the use has none; return its `kid`."""
    with wallet.transaction() as tx:
        _one_at_a_time(tx.session)
        kid = _add_key(wallet, tx, use, actor=actor, is_first=_active(tx.session, use) is None)
    wallet.key_cache.pop(use, None)
    return kid


def ensure_key(wallet: Wallet, use: str) -> None:
    """Make the first key of a use; of many that find none at once, one makes it."""
    with wallet.transaction() as tx:
        _one_at_a_time(tx.session)
        if _active(tx.session, use) is None:
            _add_key(wallet, tx, use, actor="service:wallet", is_first=True)


def rotate_key(wallet: Wallet, use: str, *, actor: str) -> str | None:
    """Let the oldest pending key sign and retire the one before; return its `kid`, or None while none was pending long enough."""
    now = wallet.clock.now()
    ready = now - timedelta(seconds=PENDING_SECONDS)
    with wallet.transaction() as tx:
        waiting = select(SigningKey).where(SigningKey.use == use, SigningKey.state == "pending", SigningKey.created_at <= ready)
        pending = tx.session.scalars(waiting.order_by(SigningKey.created_at).limit(1).with_for_update()).one_or_none()
        if pending is None:
            return None
        active = _active(tx.session, use, lock=True)
        if active is not None:
            active.state, active.retired_at, active.private = "retired", now, None
            tx.session.flush()
            tx.record(Event.KEY_RETIRED, actor=actor, object_id=active.kid, data={"use": use})
        pending.state, pending.activated_at = "active", now
        tx.record(Event.KEY_ACTIVATED, actor=actor, object_id=pending.kid, data={"use": use})
    wallet.key_cache.pop(use, None)
    return pending.kid


def signing_key(wallet: Wallet, use: str) -> ECKey:
    """Return the key that signs now, kept in memory for two seconds; made here where there is none yet."""
    cached = wallet.key_cache.get(use)
    if cached and cached[1] > wallet.clock.now():
        return cached[0]
    with wallet.reading() as tx:
        row = _active(tx.session, use)
    if row is None:
        ensure_key(wallet, use)
        with wallet.reading() as tx:
            row = _active(tx.session, use)
    if row is None or row.private is None:
        raise LookupError(f"no active key for {use}")
    key = ECKey.import_key(json.loads(wallet.cipher.decrypt(row.private, scope=SCOPE)))
    wallet.key_cache[use] = (key, wallet.clock.now() + timedelta(seconds=CACHE_SECONDS))
    return key


def published_keys(wallet: Wallet, use: str | None = None) -> dict[str, ECKey]:
    """Return the public keys to publish, of one use or all, by `kid`."""
    now = wallet.clock.now()
    with wallet.reading() as tx:
        rows = tx.session.scalars(select(SigningKey).order_by(SigningKey.created_at)).all()
    published = {}
    for row in rows:
        gone = row.retired_at is not None and now >= row.retired_at + timedelta(seconds=RETIRED_SECONDS[row.use])
        if not gone and use in {None, row.use}:
            published[row.kid] = ECKey.import_key({name: str(value) for name, value in row.public.items()})
    return published


def _add_key(wallet: Wallet, tx: Transaction, use: str, *, actor: str, is_first: bool) -> str:
    now = wallet.clock.now()
    kid = f"{PREFIXES[use]}-{now:%Y-%m-%d}-{wallet.ids.token(4)}"
    key = new_key(kid)
    private = wallet.cipher.encrypt(json.dumps(key.as_dict(private=True)), scope=SCOPE)
    row = SigningKey(kid=kid, use=use, state="active" if is_first else "pending", private=private, created_at=now)
    row.public, row.activated_at = dict(key.as_dict(private=False)), now if is_first else None
    tx.session.add(row)
    tx.record(Event.KEY_MADE, actor=actor, object_id=kid, data={"use": use, "state": row.state})
    return kid


def _one_at_a_time(session: Session) -> None:
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _active(session: Session, use: str, *, lock: bool = False) -> SigningKey | None:
    statement = select(SigningKey).where(SigningKey.use == use, SigningKey.state == "active")
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()
