"""What one person paid, in whichever account: known by the e-mail address that receipts go to.  Spec: requirements CH-14."""

from sqlalchemy import select

from pay.context import Pay
from pay.errors import ReceiptNotFound
from pay.models.account import gateway_accounts
from pay.models.payment import find_payment, needle_grams, payment_of, payments
from pay.operations.receipts import PaymentReceipt, issue_receipt
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Payment

PAYMENTS_MAX = 100
READ_MAX = 1000


def payments_to(pay: Pay, email: str) -> list[tuple[Payment, str]]:
    """Return the newest payments whose receipt went to an address, each with the name of the service."""
    looked_for = payments.c.payer_grams.contains(needle_grams(pay.cipher, email, "email"))
    joined = payments.join(gateway_accounts, gateway_accounts.c.id == payments.c.account_id)
    newest = select(payments, gateway_accounts.c.service_name).select_from(joined).where(looked_for)
    with pay.listing() as tx:
        rows = tx.connection.execute(newest.order_by(payments.c.created_at.desc(), payments.c.id.desc()).limit(READ_MAX)).mappings().all()
        found = [(payment_of(row, pay.cipher), str(row["service_name"])) for row in rows]
    mine = [pair for pair in found if (pair[0].payer.email or "").casefold() == email.casefold()]
    return mine[:PAYMENTS_MAX]


def receipt_to(pay: Pay, email: str, payment_id: str) -> PaymentReceipt:
    """Return the receipt of a payment whose receipt went to an address.  Raises: ReceiptNotFound, also for somebody else's."""
    with pay.reading() as tx:
        payment = find_payment(tx.connection, pay.cipher, PaymentId(payment_id))
    if payment is None or (payment.payer.email or "").casefold() != email.casefold():
        raise ReceiptNotFound("No payment of this number has its receipt at this address.")
    return issue_receipt(pay, payment.id)
