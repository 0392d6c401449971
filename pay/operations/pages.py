"""What the payer pages do: open with a token, look, start.  Spec: pay-api.md §16, §20."""

from dataclasses import dataclass

from pay.context import Pay
from pay.errors import PayerSessionEnded, PaymentLinkUsed
from pay.events import PageAction
from pay.models.account import Account, get_account
from pay.models.page_token import holds_session, use_token
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


def open_pages(pay: Pay, token: str) -> tuple[PaymentId, str]:
    """Use up a token; return the payment and the secret of the payer's new session.  Raises: PaymentLinkUsed."""
    secret = pay.ids.token()
    with pay.transaction() as tx:
        payment_id = use_token(tx.connection, sha256_hex(token), sha256_hex(secret), pay.clock.now())
        if payment_id is None:
            raise PaymentLinkUsed(noop("Go back to the service and choose to pay again."))
        tx.record(PageAction.OPENED, actor=PAYER, object_id=payment_id, channel="web")
    return payment_id, secret


def check_session(pay: Pay, payment_id: str, secret: str | None) -> PaymentId:
    """Return the id of the payment this browser may see.  Raises: PayerSessionEnded."""
    if secret and is_public_id(payment_id):
        with pay.reading() as tx:
            if holds_session(tx.connection, PaymentId(payment_id), sha256_hex(secret), pay.clock.now()):
                return PaymentId(payment_id)
    raise PayerSessionEnded(noop("Go back to the service and choose to pay again. If you had paid already, the service knows."))


def visit(pay: Pay, payment_id: PaymentId) -> Visit:
    """Return what a page shows.  Raises: PayerSessionEnded when the payment is gone."""
    with pay.reading() as tx:
        payment = find_payment(tx.connection, pay.cipher, payment_id)
        if payment is None:
            raise PayerSessionEnded
        return Visit(payment, get_account(tx.connection, payment.account_id))


def start(pay: Pay, payment_id: PaymentId) -> Visit:
    """Note that the payer has come; later visits change nothing."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is PaymentState.CREATED and payment.expires_at > pay.clock.now():
            payment = move(pay, tx, payment, PaymentState.ENTERING_CARD_DETAILS, actor=PAYER)
        return Visit(payment, get_account(tx.connection, payment.account_id))
