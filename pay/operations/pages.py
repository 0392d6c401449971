"""What the payer pages do: open with a token, look, start.  Spec: pay-api.md §16, §20."""

from dataclasses import dataclass, field

from pay.context import Pay
from pay.errors import PayerSessionEnded, PaymentLinkUsed
from pay.events import PageAction
from pay.models.account import Account, get_account
from pay.models.page_token import find_in_session, use_token
from pay.models.payment import find_payment
from pay.operations.calls import require
from pay.operations.moves import PAYER, move
from pay.standards.identifiers import PaymentId, is_public_id
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PaymentState
from shared.crypto import sha256_hex
from shared.web import gettext_noop as noop


@dataclass(frozen=True)
class Visit:
    """A payment as its payer sees it, with the account it goes to."""

    payment: Payment
    account: Account


@dataclass(frozen=True)
class Opened:
    """A payment whose pages were opened, and the secret of its payer's new session."""

    payment_id: PaymentId
    language: str
    secret: str = field(repr=False)


def open_pages(pay: Pay, token: str) -> Opened:
    """Use up a token and open the payer's session.  Raises: PaymentLinkUsed."""
    secret = pay.ids.token()
    with pay.transaction() as tx:
        used = use_token(tx.connection, sha256_hex(token), sha256_hex(secret), pay.clock.now())
        if used is None:
            raise PaymentLinkUsed(noop("Go back to the service and choose to pay again."))
        payment_id, language = used
        tx.record(PageAction.OPENED, actor=PAYER, object_id=payment_id, channel="web")
    return Opened(payment_id, language, secret)


def visit_in_session(pay: Pay, payment_id: str, secret: str | None) -> Visit:
    """Return the payment that this browser may see.  Raises: PayerSessionEnded."""
    if secret and is_public_id(payment_id):
        with pay.reading() as tx:
            found = find_in_session(tx.connection, pay.cipher, PaymentId(payment_id), sha256_hex(secret), pay.clock.now())
        if found is not None:
            return Visit(*found)
    raise PayerSessionEnded(noop("Go back to the service and choose to pay again. If you had paid already, the service knows."))


def visit(pay: Pay, payment_id: PaymentId) -> Visit:
    """Return a payment as it is now, after it was changed.  Raises: PayerSessionEnded when it is gone."""
    with pay.reading() as tx:
        payment = find_payment(tx.connection, pay.cipher, payment_id)
        if payment is None:
            raise PayerSessionEnded
        return Visit(payment, get_account(tx.connection, payment.account_id))


def start(pay: Pay, seen: Visit) -> Visit:
    """Note that the payer has come; later visits change nothing."""
    if seen.payment.state is not PaymentState.CREATED:
        return seen
    with pay.transaction() as tx:
        payment = require(pay, tx, seen.payment.id)
        if payment.state is PaymentState.CREATED and payment.expires_at > pay.clock.now():
            payment = move(pay, tx, payment, PaymentState.ENTERING_CARD_DETAILS, actor=PAYER)
        return Visit(payment, seen.account)
