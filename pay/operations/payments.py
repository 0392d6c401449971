"""Create, read and list payments: the hot paths of the public API."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select

from pay.context import Merchant, Pay
from pay.errors import IdempotencyKeyReused, ResourceNotFound
from pay.events import PaymentEvent
from pay.models.account import Account
from pay.models.page_token import TOKEN_LIFETIME, page_tokens
from pay.models.payment import find_payment, list_state_changes, payment_events, payments, seal_payer
from pay.operations.accounts import check_usable
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId, is_public_id
from pay.standards.payment_object import Metadata, Payer, Payment
from pay.standards.payment_states import PUBLIC, PaymentState, PublicState
from shared.context import Transaction
from shared.crypto import sha256_hex
from shared.idempotency import IdempotencyConflict, claim

EXPIRES_AFTER = timedelta(minutes=90)
CAPTURE_WINDOW = timedelta(hours=120)


@dataclass(frozen=True)
class NewPayment:
    """What a caller asks for, checked."""

    amount_minor: int
    reference: str
    description: str
    return_url: str | None
    language: str | None = None
    delayed_capture: bool = False
    moto: bool = False
    metadata: Metadata | None = None
    payer: Payer = Payer()


@dataclass(frozen=True)
class IdempotencyKey:
    """The caller's key and a hash of the request it came with."""

    key: str
    fingerprint: str


@dataclass(frozen=True)
class OpenPayment:
    """A payment and, while the payer may still come, a new token for `next_url`."""

    payment: Payment
    token: str | None
    is_replay: bool = False


def fingerprint(body: Mapping[str, object]) -> str:
    """Return a hash of the parsed body: the order of members and white space do not count.  Spec: pay-api.md §5.4."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def claim_key(tx: Transaction, key: IdempotencyKey, *, scope: str, result_id: str, now: datetime) -> str | None:
    """Keep an id under the caller's key, or return the id that the first request kept.

    Raises: IdempotencyKeyReused for another body, and while the first request is still running.  Spec: §5.4, §25.
    """
    free = select(func.pg_try_advisory_xact_lock(func.hashtextextended(f"{scope}:{key.key}", 0)))
    if not tx.connection.execute(free).scalar_one():
        raise IdempotencyKeyReused
    try:
        stored = claim(tx.connection, scope=scope, key=key.key, fingerprint=key.fingerprint, result={"id": result_id}, now=now)
    except IdempotencyConflict:
        raise IdempotencyKeyReused from None
    return None if stored is None else str(stored.result["id"])


def create_payment(pay: Pay, merchant: Merchant, order: NewPayment, key: IdempotencyKey | None = None) -> OpenPayment:
    """Create a payment, or return the one that the same request made before.

    Raises: AccountSuspended, AccountNotReady, IdempotencyKeyReused.  Spec: §5.
    """
    account = merchant.account
    check_usable(pay, account)
    now = pay.clock.now()
    payment = draft_payment(pay, account, order)
    token = str(pay.ids.uuid4())
    sealed = seal_payer(pay.cipher, account.id, payment.payer)
    with pay.transaction() as tx:
        made = claim_key(tx, key, scope=f"create-payment:{account.id}", result_id=payment.id, now=now) if key else None
        if made is None:
            place_payment(tx, payment, sealed, actor=merchant.actor)
            insert_token(tx.connection, payment.id, token, now)
    if made is not None:
        replay = get_payment(pay, merchant, PaymentId(made))
        return OpenPayment(replay.payment, replay.token, is_replay=True)
    return OpenPayment(payment, token)


def draft_payment(pay: Pay, account: Account, order: NewPayment, *, expires_at: datetime | None = None) -> Payment:
    """Return a payment as it begins; it is not written yet."""
    now = pay.clock.now()
    return Payment(
        id=PaymentId(pay.ids.pick(ALPHABET, LENGTH)),
        account_id=account.id,
        state=PaymentState.CREATED,
        version=1,
        amount_minor=order.amount_minor,
        currency=account.currency,
        reference=order.reference,
        description=order.description,
        return_url=order.return_url,
        language=order.language or account.language,
        gateway=account.gateway,
        authorisation_mode="web",
        delayed_capture=order.delayed_capture,
        moto=order.moto,
        metadata=order.metadata or {},
        payer=order.payer,
        card=None,
        provider_id=None,
        refunded_minor=0,
        capture_submitted_at=None,
        captured_at=None,
        created_at=now,
        updated_at=now,
        expires_at=expires_at or now + EXPIRES_AFTER,
    )


def place_payment(tx: Transaction, payment: Payment, payer_sealed: bytes | None, *, actor: str) -> None:
    """Write a new payment with its first event and its audit row, in the transaction of whoever makes it."""
    now = payment.created_at
    row = {
        "id": payment.id,
        "account_id": payment.account_id,
        "state": payment.state.value,
        "version": payment.version,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "reference": payment.reference,
        "description": payment.description,
        "return_url": payment.return_url,
        "language": payment.language,
        "gateway": payment.gateway,
        "authorisation_mode": payment.authorisation_mode,
        "delayed_capture": payment.delayed_capture,
        "moto": payment.moto,
        "metadata": payment.metadata or None,
        "payer_sealed": payer_sealed,
        "created_at": now,
        "updated_at": now,
        "expires_at": payment.expires_at,
    }
    tx.connection.execute(insert(payments), row)
    event = {"payment_id": payment.id, "after": payment.state.value, "event": PaymentEvent.CREATED.value, "created_at": now}
    tx.connection.execute(insert(payment_events), event)
    tx.record(
        PaymentEvent.CREATED,
        actor=actor,
        object_id=payment.id,
        data={"account_id": payment.account_id, "amount_minor": payment.amount_minor, "currency": payment.currency},
    )


def insert_token(connection: Connection, payment_id: PaymentId, token: str, now: datetime) -> None:
    """Keep a token that opens the payer pages once."""
    row = {"token_hash": sha256_hex(token), "payment_id": payment_id, "expires_at": now + TOKEN_LIFETIME}
    connection.execute(insert(page_tokens), row)


def require_payment(pay: Pay, merchant: Merchant, payment_id: str, *, not_found: str) -> Payment:
    """Return a payment of the caller's account.  Raises: ResourceNotFound with the endpoint's own code.  Spec: §2 last rule."""
    payment = None
    if is_public_id(payment_id):
        with pay.reading() as tx:
            payment = find_payment(tx.connection, pay.cipher, PaymentId(payment_id), account_id=merchant.account.id)
    if payment is None:
        raise ResourceNotFound(not_found)
    return payment


def get_payment(pay: Pay, merchant: Merchant, payment_id: str) -> OpenPayment:
    """Return a payment as it is now; an open one with a new token each time.  Raises: ResourceNotFound.  Spec: §6, §8."""
    if not is_public_id(payment_id):
        raise ResourceNotFound("P0200")
    with pay.db.begin() as connection:
        payment = find_payment(connection, pay.cipher, PaymentId(payment_id), account_id=merchant.account.id)
        if payment is None:
            raise ResourceNotFound("P0200")
        if not payment.is_open:
            return OpenPayment(payment, None)
        token = str(pay.ids.uuid4())
        insert_token(connection, payment.id, token, pay.clock.now())
    return OpenPayment(payment, token)


def list_events(pay: Pay, merchant: Merchant, payment_id: str) -> list[tuple[PublicState, datetime]]:
    """Return the changes of what callers see, oldest first; internal moves that look alike are one.

    Raises: ResourceNotFound.  Spec: §8.
    """
    payment = require_payment(pay, merchant, payment_id, not_found="P0300")
    with pay.reading() as tx:
        changes = list_state_changes(tx.connection, payment.id)
    seen: list[tuple[PublicState, datetime]] = []
    for state, at in changes:
        if not seen or seen[-1][0] != PUBLIC[state]:
            seen.append((PUBLIC[state], at))
    return seen
