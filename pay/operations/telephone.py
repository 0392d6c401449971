"""Payments over the telephone: authorised by API (sandbox only), or taken by an external service and reported.  Spec: §13, §14."""

import json
from dataclasses import dataclass, field, replace

from sqlalchemy import func, insert, select

from pay.context import Merchant, Pay
from pay.errors import AuthorisationDeclined, AuthorisationFailed, NotEnabledHere, OneTimeTokenRefused
from pay.models.account import Account, get_account
from pay.models.ledger import post
from pay.models.page_token import use_auth_token
from pay.models.payment import find_payment, payer_grams, payer_scope, seal_payer
from pay.models.telephone import telephone_notifications
from pay.operations.accounts import check_usable
from pay.operations.authorisations import authorise
from pay.operations.calls import require
from pay.operations.moves import move
from pay.operations.payments import NewPayment, draft_payment, place_payment
from pay.providers.base import CardDetails
from pay.providers.sandbox import kind_of
from pay.standards import ledger
from pay.standards.cards import brand_of, luhn_valid
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import CardFacts, Payer, Payment
from pay.standards.payment_states import PUBLIC, PaymentState
from shared.crypto import sha256_hex
from shared.transaction import Transaction

ACTOR = "payer-by-telephone"
EXTERNAL = "external"
CHANNEL = "telephone"

S = PaymentState
_ENDS = {
    "P0010": S.AUTHORISATION_REJECTED,
    "P0030": S.AUTHORISATION_CANCELLED,
    "P0050": S.AUTHORISATION_ERROR,
}


@dataclass(frozen=True)
class Report:
    """What an external telephone service reports, checked; `failure` is a state code where the payment failed."""

    order: NewPayment
    provider_id: str
    processor_id: str
    failure: str | None
    card: CardFacts | None
    facts: dict[str, str] = field(repr=False)


def authorise_by_token(pay: Pay, one_time_token: str, card: CardDetails) -> None:
    """Authorise a payment with a card that its payer said on the telephone; the token counts once, whatever the outcome.

    Raises: OneTimeTokenRefused, AuthorisationDeclined, AuthorisationFailed, CardPageNotAllowed.
    """
    with pay.transaction() as tx:
        found = use_auth_token(tx.connection, sha256_hex(one_time_token), pay.clock.now())
        payment = None if found is None else find_payment(tx.connection, pay.cipher, found[0])
        if found is None or payment is None:
            raise OneTimeTokenRefused("P1211", "The one_time_token is not valid")
        if found[1] or payment.state is not S.CREATED:
            raise OneTimeTokenRefused("P1212", "The one_time_token has already been used")
        account = get_account(tx.connection, payment.account_id)
        accepted = takes(account, card.number.digits)
        if not accepted:
            move(pay, tx, payment, S.AUTHORISATION_REJECTED, actor=ACTOR)
    if not accepted:
        raise AuthorisationDeclined
    payer = Payer(payment.payer.email, card.holder_name, payment.payer.billing_address)
    payment = authorise(pay, payment.id, card, payer, actor=ACTOR)
    public = PUBLIC[payment.state]
    if public.code == "P0010":
        raise AuthorisationDeclined
    if payment.state is S.AUTHORISATION_READY or public.code is not None:
        raise AuthorisationFailed


def takes(account: Account, digits: str) -> bool:
    """Answer whether an account takes a card: a valid number, of a brand it takes, not prepaid where it blocks those.  Spec: §19."""
    brand = brand_of(digits)
    if brand is None or not luhn_valid(digits) or brand.code not in account.card_brands:
        return False
    return not (account.block_prepaid and kind_of(digits).is_prepaid)


def report(pay: Pay, merchant: Merchant, given: Report) -> tuple[Payment, bool]:
    """Write down a payment that was taken elsewhere; reported again it is the same payment, and True.

    Raises: NotEnabledHere, AccountSuspended, AccountNotReady.
    """
    account = merchant.account
    if not account.allow_telephone:
        raise NotEnabledHere(pay.settings.support_contact)
    check_usable(pay, account)
    with pay.transaction() as tx:
        known = _find(tx, account.id, given.provider_id)
        if known is not None:
            return require(pay, tx, known), True
        payment = _place(pay, tx, merchant, given)
    return payment, False


def _find(tx: Transaction, account_id: str, provider_id: str) -> PaymentId | None:
    """Return the payment of a report; two reports at once wait for one another."""
    free = select(func.pg_advisory_xact_lock(func.hashtextextended(f"telephone:{account_id}:{provider_id}", 0)))
    tx.connection.execute(free)
    statement = select(telephone_notifications.c.payment_id).where(
        telephone_notifications.c.account_id == account_id, telephone_notifications.c.provider_id == provider_id
    )
    found = tx.connection.execute(statement).scalar_one_or_none()
    return None if found is None else PaymentId(found)


def _place(pay: Pay, tx: Transaction, merchant: Merchant, given: Report) -> Payment:
    account, now = merchant.account, pay.clock.now()
    payer = given.order.payer
    begun = replace(draft_payment(pay, account, given.order), state=S.PAYMENT_NOTIFICATION_CREATED, provider_id=given.provider_id)
    place_payment(tx, begun, seal_payer(pay.cipher, account.id, payer), actor=merchant.actor, grams=payer_grams(pay.cipher, payer))
    kept = {
        "payment_id": begun.id,
        "account_id": account.id,
        "provider_id": given.provider_id,
        "processor_id": given.processor_id,
        "facts_sealed": pay.cipher.encrypt(json.dumps(given.facts), scope=payer_scope(account.id)),
    }
    tx.connection.execute(insert(telephone_notifications).values(kept))
    if given.failure is not None:
        return move(pay, tx, begun, _ENDS[given.failure], actor=merchant.actor, changes=_card(given.card))
    submitted = _card(given.card) | {"capture_submitted_at": now}
    payment = move(pay, tx, begun, S.CAPTURE_SUBMITTED, actor=merchant.actor, changes=submitted)
    payment = move(pay, tx, payment, S.CAPTURED, actor=merchant.actor, changes={"captured_at": now})
    if payment.amount_minor:
        book = replace(account.book, gateway=CHANNEL)
        shares = payment.shares(book.beneficiary)
        post(tx.connection, ledger.authorised(book, payment.id, shares), now)
        post(tx.connection, ledger.captured(book, payment.id, shares), now)
    return payment


def _card(card: CardFacts | None) -> dict[str, object]:
    if card is None:
        return {}
    return {
        "card_brand": card.brand,
        "card_type": card.card_type,
        "first_digits": card.first_digits,
        "last_digits": card.last_digits,
        "card_expiry": card.expiry_date,
    }
