"""Create, read and list payments: the hot paths of the public API."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert

from pay.context import Merchant, Pay
from pay.errors import AttributeOutOfRange, InvalidAttribute, ResourceNotFound
from pay.models.account import Account
from pay.models.agreement import find_agreement
from pay.models.page_token import TOKEN_LIFETIME, page_tokens
from pay.models.payment import find_payment, list_state_changes, payer_grams, payment_events, payments, seal_payer, terms_row
from pay.operations.accounts import check_usable
from pay.operations.agreements import check_recurring
from pay.operations.fees import FeeAsked, price, record_exemption
from pay.operations.idempotency import IdempotencyKey, claim_key
from pay.operations.later_payments import Later, give_notice, term_of
from pay.operations.moves import move
from pay.operations.recurring import JOB as CHARGE_JOB
from pay.standards.agreement_states import AgreementState
from pay.standards.fee_rules import FeeTerms
from pay.standards.identifiers import ALPHABET, LENGTH, AgreementId, PaymentId, is_public_id
from pay.standards.ledger import Share
from pay.standards.payment_object import Metadata, Payer, Payment
from pay.standards.payment_states import EVENT_OF, PUBLIC, PaymentState, PublicState
from shared.crypto import sha256_hex
from shared.transaction import Transaction

EXPIRES_AFTER = timedelta(minutes=90)
AMOUNT_OF_RULE = -1
"""Stands for the amount where a caller leaves it to the fee rule."""


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
    mode: str = "web"
    agreement_id: str | None = None
    """The agreement that is charged, or in web mode the one that this payment sets up."""
    agreement_payment_type: str | None = None
    allocations: tuple[Share, ...] = ()
    fee: FeeAsked | None = None
    """The product whose rule says what the amount is."""
    fee_terms: FeeTerms | None = None
    methods: tuple[str, ...] = ()
    """The ways by which it may be paid; none is every way that the account offers."""
    later: Later | None = None
    """Where it may be paid later: until when, and who owes."""


@dataclass(frozen=True)
class OpenPayment:
    """A payment and, while the payer may still come, a new token for `next_url`."""

    payment: Payment
    token: str | None
    is_replay: bool = False


def create_payment(pay: Pay, merchant: Merchant, order: NewPayment, key: IdempotencyKey | None = None) -> OpenPayment:
    """Create a payment, or return the one that the same request made before.

    Raises: AccountSuspended, AccountNotReady, FeatureNotEnabled, InvalidAttribute, IdempotencyKeyReused.  Spec: §5.
    """
    account, now = merchant.account, pay.clock.now()
    check_usable(pay, account)
    priced = price(pay, account, order.fee) if order.fee else None
    if priced is not None:
        order = replace(order, amount_minor=_agreed_amount(account, order, priced.amount_minor), fee_terms=priced.terms)
    term = term_of(pay, account, order.methods, order.later) if order.later and order.amount_minor else None
    payment = draft_payment(pay, account, order, expires_at=term.until if term else None)
    token = str(pay.ids.uuid4())
    sealed = seal_payer(pay.cipher, account.id, payment.payer)
    grams = payer_grams(pay.cipher, payment.payer) if sealed else None
    with pay.transaction() as tx:
        made = claim_key(tx, key, scope=f"create-payment:{account.id}", result_id=payment.id, now=now) if key else None
        if made is None:
            _check_agreement(pay, tx, account, order)
            opens = _token_row(payment.id, token, now, _purpose(payment)) if payment.gives_token else None
            place_payment(tx, payment, sealed, actor=merchant.actor, grams=grams, token_row=opens)
            if term and order.later:
                number = give_notice(pay, tx, payment, account, term, debtor=order.later.debtor, actor=merchant.actor)
                payment = replace(payment, notice_number=number)
            if order.fee is not None and priced is not None:
                record_exemption(pay, tx, payment, order.fee, priced, actor=merchant.actor)
            if order.mode == "agreement":
                payment = move(pay, tx, payment, PaymentState.AUTHORISATION_USER_NOT_PRESENT_QUEUED, actor=merchant.actor)
                tx.enqueue(CHARGE_JOB, {"payment_id": payment.id})
    if made is not None:
        replay = get_payment(pay, merchant, PaymentId(made))
        return OpenPayment(replay.payment, replay.token, is_replay=True)
    return OpenPayment(payment, token if payment.gives_token else None)


def _agreed_amount(account: Account, order: NewPayment, amount_minor: int) -> int:
    """Return what the rule says, which is what the caller says too, if it says anything.  Raises: AttributeOutOfRange."""
    if order.amount_minor not in {amount_minor, AMOUNT_OF_RULE}:
        raise AttributeOutOfRange("P0102", f"Invalid attribute value: amount. The fee rule says {amount_minor}", field="amount")
    if amount_minor > account.max_amount_minor:
        text = f"Invalid attribute value: amount. Must be less than or equal to {account.max_amount_minor}"
        raise AttributeOutOfRange("P0102", text, field="amount")
    return amount_minor


def _check_agreement(pay: Pay, tx: Transaction, account: Account, order: NewPayment) -> None:
    """Check that the agreement is the account's own, and active where it is to be charged.  Spec: §5.3."""
    if order.agreement_id is None:
        return
    found = None
    if is_public_id(order.agreement_id):
        found = find_agreement(tx.connection, pay.cipher, AgreementId(order.agreement_id), account_id=account.id)
    if order.mode == "web" and found is None:
        text = "Invalid attribute value: set_up_agreement. Agreement ID does not exist"
        raise InvalidAttribute("P0103", text, field="set_up_agreement")
    if order.mode == "agreement" and (found is None or found.state is not AgreementState.ACTIVE):
        why = "Agreement does not exist" if found is None else "Agreement must be active"
        raise InvalidAttribute("P0102", f"Invalid attribute value: agreement_id. {why}", field="agreement_id")
    check_recurring(account)


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
        authorisation_mode=order.mode,
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
        allocations=order.allocations,
        attempts_max=account.attempts_max,
        agreement_id=None if order.agreement_id is None else AgreementId(order.agreement_id),
        agreement_payment_type=order.agreement_payment_type,
        fee_terms=order.fee_terms,
        methods=order.methods,
    )


def place_payment(
    tx: Transaction,
    payment: Payment,
    payer_sealed: bytes | None,
    *,
    actor: str,
    grams: list[int] | None = None,
    token_row: dict[str, object] | None = None,
) -> None:
    """Write a new payment with its first event, its token and its audit row, in the transaction of whoever makes it.

    Payment, event and token go in one statement: this is the hot path, and each statement is a round trip.
    """
    now, action = payment.created_at, EVENT_OF[payment.state]
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
        "payer_grams": grams,
        "created_at": now,
        "updated_at": now,
        "expires_at": payment.expires_at,
        "allocations": [[share.beneficiary, share.amount_minor, share.purpose] for share in payment.allocations] or None,
        "attempts_max": payment.attempts_max,
        "agreement_id": payment.agreement_id,
        "agreement_payment_type": payment.agreement_payment_type,
        "provider_id": payment.provider_id,
        "fee_terms": terms_row(payment.fee_terms),
        "methods": list(payment.methods) or None,
        "notice_number": payment.notice_number,
    }
    event = {"payment_id": payment.id, "after": payment.state.value, "event": action.value, "created_at": now}
    statement = insert(payment_events).values(event).add_cte(insert(payments).values(row).cte("placed"))
    if token_row is not None:
        statement = statement.add_cte(insert(page_tokens).values(token_row).cte("opened"))
    tx.connection.execute(statement)
    tx.record(
        action,
        actor=actor,
        object_id=payment.id,
        data={"account_id": payment.account_id, "amount_minor": payment.amount_minor, "currency": payment.currency},
    )


def insert_token(connection: Connection, payment_id: PaymentId, token: str, now: datetime, *, purpose: str = "page") -> None:
    """Keep a token that opens the payer pages once (`page`), or authorises once by API (`auth`)."""
    connection.execute(insert(page_tokens), _token_row(payment_id, token, now, purpose))


def _token_row(payment_id: PaymentId, token: str, now: datetime, purpose: str) -> dict[str, object]:
    return {"token_hash": sha256_hex(token), "payment_id": payment_id, "expires_at": now + TOKEN_LIFETIME, "purpose": purpose}


def _purpose(payment: Payment) -> str:
    return "auth" if payment.authorisation_mode == "moto_api" else "page"


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
        if not payment.gives_token:
            return OpenPayment(payment, None)
        token = str(pay.ids.uuid4())
        insert_token(connection, payment.id, token, pay.clock.now(), purpose=_purpose(payment))
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
