"""Agreements: made by a service, active once a payer has paid under one, charged later without the payer.  Spec: pay-api.md §12."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, insert, select, update

from pay.context import Merchant, Pay
from pay.errors import AgreementNotCancellable, FeatureNotEnabled, ResourceNotFound
from pay.events import AgreementEvent
from pay.models.account import Account
from pay.models.agreement import Agreement, Instrument, agreement_of, agreements, find_agreement, seal_instrument
from pay.models.attempt import facts_of
from pay.models.payment import payer_scope
from pay.operations.idempotency import IdempotencyKey, claim_key
from pay.operations.moves import PAYER, SYSTEM
from pay.standards.agreement_states import AGREEMENT_TABLE, AgreementState
from pay.standards.identifiers import ALPHABET, LENGTH, AgreementId, is_public_id
from pay.standards.payment_object import Payment
from shared.transaction import Transaction


@dataclass(frozen=True)
class NewAgreement:
    """What a service asks for, checked."""

    reference: str
    description: str
    user_identifier: str | None


@dataclass(frozen=True)
class AgreementQuery:
    """What to look for; absent filters are None."""

    reference: str | None
    status: str | None
    page: int
    display_size: int


def check_recurring(account: Account) -> None:
    """Refuse recurring payments on an account that has none.  Raises: FeatureNotEnabled.  Spec: §5.3, §12."""
    if not account.allow_recurring:
        raise FeatureNotEnabled("P0942", "Recurring card payments are currently disabled for this service. Contact support")


def create_agreement(pay: Pay, merchant: Merchant, order: NewAgreement, key: IdempotencyKey | None = None) -> tuple[Agreement, bool]:
    """Create an agreement; a repeat with the same key returns the first one, and True.

    Raises: FeatureNotEnabled, IdempotencyKeyReused.
    """
    account, now = merchant.account, pay.clock.now()
    check_recurring(account)
    agreement_id = AgreementId(pay.ids.pick(ALPHABET, LENGTH))
    user = order.user_identifier
    row = {
        "id": agreement_id,
        "account_id": account.id,
        "state": AgreementState.CREATED.value,
        "reference": order.reference,
        "description": order.description,
        "user_identifier_sealed": None if user is None else pay.cipher.encrypt(user, scope=payer_scope(account.id)),
        "created_at": now,
    }
    with pay.transaction() as tx:
        made = claim_key(tx, key, scope=f"create-agreement:{account.id}", result_id=agreement_id, now=now) if key else None
        if made is None:
            tx.connection.execute(insert(agreements).values(row))
            tx.record(AgreementEvent.CREATED, actor=merchant.actor, object_id=agreement_id, data={"account_id": account.id})
    return get_agreement(pay, merchant, made or agreement_id), made is not None


def get_agreement(pay: Pay, merchant: Merchant, agreement_id: str) -> Agreement:
    """Return an agreement of the caller's account.  Raises: ResourceNotFound."""
    found = None
    if is_public_id(agreement_id):
        with pay.reading() as tx:
            found = find_agreement(tx.connection, pay.cipher, AgreementId(agreement_id), account_id=merchant.account.id)
    if found is None:
        raise ResourceNotFound("P2200")
    return found


def search_agreements(pay: Pay, merchant: Merchant, query: AgreementQuery) -> tuple[int, list[Agreement]]:
    """Return how many there are and one page of them, newest first.  Raises: ResourceNotFound for a page past the end."""
    condition: list[ColumnElement[bool]] = [agreements.c.account_id == merchant.account.id]
    if query.reference is not None:
        condition.append(func.lower(agreements.c.reference) == query.reference.lower())
    if query.status is not None:
        condition.append(agreements.c.state == query.status)
    with pay.reading() as tx:
        total = tx.connection.execute(select(func.count()).select_from(agreements).where(*condition)).scalar_one()
        statement = select(agreements).where(*condition).order_by(agreements.c.created_at.desc(), agreements.c.id.desc())
        page = statement.limit(query.display_size).offset((query.page - 1) * query.display_size)
        found = [agreement_of(row, pay.cipher) for row in tx.connection.execute(page)]
    if not found and query.page > 1:
        raise ResourceNotFound("P2402", "Page not found")
    return total, found


def cancel_agreement(pay: Pay, merchant: Merchant, agreement_id: str, key: IdempotencyKey | None = None) -> None:
    """End an active agreement and forget its instrument.  Raises: ResourceNotFound, AgreementNotCancellable."""
    now = pay.clock.now()
    with pay.transaction() as tx:
        found = None
        if is_public_id(agreement_id):
            found = find_agreement(tx.connection, pay.cipher, AgreementId(agreement_id), account_id=merchant.account.id, lock=True)
        if found is None:
            raise ResourceNotFound("P2500")
        if key and claim_key(tx, key, scope=f"cancel-agreement:{found.id}", result_id=found.id, now=now):
            return
        if found.state is not AgreementState.ACTIVE:
            raise AgreementNotCancellable
        forgotten = {"cancelled_at": now, "instrument_sealed": None, "instrument_at": None}
        _move(tx, found, AgreementState.CANCELLED, actor=merchant.actor, changes=forgotten)


def activate(pay: Pay, tx: Transaction, payment: Payment) -> None:
    """Make the agreement that a payer has just confirmed active, with the instrument that was used.  Spec: §12, §16."""
    if payment.agreement_id is None or payment.authorisation_mode != "web" or payment.card is None:
        return
    agreement = find_agreement(tx.connection, pay.cipher, payment.agreement_id, account_id=payment.account_id, lock=True)
    token = facts_of(tx.connection, payment.attempt_reference or "").get("instrument_token")
    if agreement is None or not token:
        return
    instrument = Instrument(token, payment.card, payment.payer.cardholder_name, payment.payer.billing_address)
    kept = {
        "instrument_sealed": seal_instrument(pay.cipher, payment.account_id, instrument),
        "instrument_at": pay.clock.now(),
        "cancelled_at": None,
    }
    _move(tx, agreement, AgreementState.ACTIVE, actor=PAYER, changes=kept)


def deactivate(pay: Pay, tx: Transaction, payment: Payment) -> None:
    """The scheme said that the instrument is never to be charged again."""
    if payment.agreement_id is None:
        return
    agreement = find_agreement(tx.connection, pay.cipher, payment.agreement_id, account_id=payment.account_id, lock=True)
    if agreement is not None and agreement.state is AgreementState.ACTIVE:
        _move(tx, agreement, AgreementState.INACTIVE, actor=SYSTEM, changes={})


def _move(tx: Transaction, agreement: Agreement, target: AgreementState, *, actor: str, changes: Mapping[str, object]) -> None:
    action = AGREEMENT_TABLE.check(agreement.state, target)
    values = {"state": target.value} | dict(changes)
    tx.connection.execute(update(agreements).where(agreements.c.id == agreement.id).values(values))
    tx.record(action, actor=actor, object_id=agreement.id, data={"before": agreement.state.value, "after": target.value})
