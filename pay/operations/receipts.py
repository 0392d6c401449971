"""Receipts: proof that something was paid, which anybody who holds the code can check.  Spec: requirements PA-7."""

from dataclasses import dataclass
from datetime import datetime

from pay.context import Pay
from pay.errors import ReceiptNotFound
from pay.events import ReceiptAction
from pay.models.account import Account, get_account
from pay.models.payment import find_payment
from pay.models.receipt import find_code, find_payment_of_code, keep_code
from pay.operations.receipt_keys import sign_pdf
from pay.operations.slips import print_layout
from pay.standards.identifiers import PaymentId
from pay.standards.money import money
from pay.standards.payment_object import Payment
from pay.standards.payment_states import SUCCESS
from pay.standards.receipt_code import ALPHABET, LENGTH
from pay.standards.slip_codes import qr_svg
from shared.web.words import code as in_groups
from shared.web.words import gettext, moment, speaking


@dataclass(frozen=True)
class PaymentReceipt:
    """What a receipt proves, as it stands now."""

    code: str
    payment: Payment
    account: Account

    @property
    def paid_at(self) -> datetime:
        """When the payer had done all there was to do."""
        return self.payment.capture_submitted_at or self.payment.updated_at


def issue_receipt(pay: Pay, payment_id: PaymentId) -> PaymentReceipt:
    """Return the receipt of a payment that is paid; the first time it gets its code.  Raises: ReceiptNotFound."""
    with pay.transaction() as tx:
        payment = find_payment(tx.connection, pay.cipher, payment_id)
        if payment is None or payment.public_state is not SUCCESS:
            raise ReceiptNotFound("A receipt is given when the payment is complete.")
        if find_code(tx.connection, payment_id) is None and keep_code(
            tx.connection, payment_id, pay.ids.pick(ALPHABET, LENGTH), pay.clock.now()
        ):
            tx.record(ReceiptAction.ISSUED, actor=f"account:{payment.account_id}", object_id=payment_id)
        code = find_code(tx.connection, payment_id)
        if code is None:
            raise LookupError("a receipt without a code")
        return PaymentReceipt(code, payment, get_account(tx.connection, payment.account_id))


def check_receipt(pay: Pay, code: str | None) -> PaymentReceipt:
    """Return what a code proves.  Raises: ReceiptNotFound."""
    with pay.reading() as tx:
        payment_id = find_payment_of_code(tx.connection, code) if code else None
        payment = find_payment(tx.connection, pay.cipher, payment_id) if payment_id else None
        if code is None or payment is None or payment.public_state is not SUCCESS:  # its capture may have failed since
            raise ReceiptNotFound("Check the code: 16 letters and numbers. If it is right, the receipt is not one of ours.")
        return PaymentReceipt(code, payment, get_account(tx.connection, payment.account_id))


def receipt_url(pay: Pay, code: str) -> str:
    """Return the address where anybody checks a receipt."""
    return f"{pay.settings.public_url}/receipt/{code}"


def receipt_pdf(pay: Pay, receipt: PaymentReceipt) -> bytes:
    """Return the receipt as a signed PDF in the language of its payment."""
    payment = receipt.payment
    with speaking(payment.language):
        facts = [
            (gettext("Paid to"), receipt.account.service_name),
            (gettext("Payment for"), payment.description),
            (gettext("Reference"), payment.reference),
            (gettext("When"), moment(receipt.paid_at)),
        ]
        terms = payment.fee_terms
        if terms is not None and terms.is_exempt:
            instead = gettext("instead of %(amount)s", amount=money(terms.full_minor, payment.currency))
            facts.append((gettext("Why it costs less"), f"{terms.exemption_text} – {instead}"))
        if payment.card is not None:
            card = f"{payment.card.brand} {gettext('ending in %(digits)s', digits=payment.card.last_digits)}"
            facts.append((gettext("Card"), card))
        url, place = receipt_url(pay, receipt.code), pay.settings.public_url + "/receipt"
        values = {
            "language": payment.language,
            "title": gettext("Payment receipt"),
            "operator": pay.settings.operator_name,
            "amount_label": gettext("Amount paid"),
            "amount": money(payment.amount_minor, payment.currency),
            "facts": facts,
            "code_label": gettext("Receipt code"),
            "code": in_groups(receipt.code),
            "qr": qr_svg(url),
            "qr_words": url,
            "check": gettext("Anybody can check this receipt: scan the code, or type it at %(address)s.", address=place),
            "signed": gettext("This file is signed. If somebody changes it, the signature breaks."),
        }
        pdf = print_layout("receipt", values, at=receipt.paid_at)
        return sign_pdf(pay, pdf, reason=gettext("Payment receipt"))
