"""Receipts: for the payer, for the service, and for anybody who is shown one.  Spec: requirements PA-7."""

from flask import Response, jsonify, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.errors import ReceiptNotFound
from pay.operations import receipt_keys, receipts
from pay.operations.payments import require_payment
from pay.operations.performance import feedback_url
from pay.operations.receipts import PaymentReceipt
from pay.routes.access import PayerOfPayment, PaymentKey, merchant
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Json, fee_terms_body, iso_milliseconds
from pay.standards.receipt_code import read_code
from shared import web
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.routes import Routes
from shared.web import gettext

bp = Routes("receipts", __name__, access=PUBLIC_PAGE)
PDF = "application/pdf"


@bp.get("/receipt")
def ask_code() -> Response:
    """Ask for the code of a receipt that somebody was shown."""
    return web.page("pay/receipt_find.html", code="", error_list=[])


@bp.post("/receipt")
def send_code() -> BaseResponse:
    """Lead to what the code proves, or say what is wrong with it."""
    typed = request.form.get("code", "")[:60]
    code = read_code(typed)
    try:
        receipts.check_receipt(current(), code)
    except ReceiptNotFound as problem:
        fault = gettext(problem.detail) if typed.strip() else gettext("Type the code of the receipt.")
        return web.page("pay/receipt_find.html", 404 if code else 422, code=typed, error_list=web.errors_of([("code", fault)]))
    return redirect(f"/receipt/{code}", 303)


@bp.get("/receipt/<code>")
def show(code: str) -> Response:
    """Say what was paid, to whom and when, and whether it was given back; nothing says who paid."""
    return web.page("pay/receipt.html", receipt=receipts.check_receipt(current(), read_code(code)))


@bp.get("/receipt/<code>.pdf")
def show_public_file(code: str) -> Response:
    """Give the receipt itself to whoever holds its code, as its payer does after the e-mail."""
    pay = current()
    return Response(receipts.receipt_pdf(pay, receipts.check_receipt(pay, read_code(code))), content_type=PDF)


@bp.get("/receipt/certificates.pem", access=PUBLIC)
def show_certificates() -> Response:
    """Return the certificates that receipts are signed with, newest first."""
    return Response(receipt_keys.certificates(current()), content_type="application/x-pem-file")


@bp.get("/v1/receipts/<code>", access=PUBLIC)
def check(code: str) -> Response:
    """Say the same to a machine."""
    return jsonify(_body(receipts.check_receipt(current(), read_code(code))))


@bp.get("/v1/payments/<payment_id>/receipt", access=PaymentKey())
def get(payment_id: str) -> Response:
    """Return the receipt of a payment of the caller's account, with the question about how it went for the service's own last page."""
    receipt = _of_caller(payment_id)
    feedback = feedback_url(current(), receipt.payment)
    return jsonify(_body(receipt) | ({"feedback_url": feedback} if feedback else {}))


@bp.get("/v1/payments/<payment_id>/receipt.pdf", access=PaymentKey())
def get_file(payment_id: str) -> Response:
    """Return it as a signed PDF."""
    return Response(receipts.receipt_pdf(current(), _of_caller(payment_id)), content_type=PDF)


@bp.get("/card_details/<payment_id>/receipt.pdf", access=PayerOfPayment())
def show_file(payment_id: str) -> Response:
    """Return the receipt to its payer."""
    pay = current()
    return Response(receipts.receipt_pdf(pay, receipts.issue_receipt(pay, PaymentId(payment_id))), content_type=PDF)


def _of_caller(payment_id: str) -> PaymentReceipt:
    payment = require_payment(current(), merchant(), payment_id, not_found="P0200")
    return receipts.issue_receipt(current(), payment.id)


def _body(receipt: PaymentReceipt) -> Json:
    payment = receipt.payment
    terms = {"fee_rule": fee_terms_body(payment.fee_terms)} if payment.fee_terms else {}
    return terms | {
        "code": receipt.code,
        "amount": payment.amount_minor,
        "currency": payment.currency,
        "refunded": payment.refunded_minor,
        "paid_to": receipt.account.service_name,
        "description": payment.description,
        "reference": payment.reference,
        "paid_date": iso_milliseconds(receipt.paid_at),
        "is_live": receipt.account.is_live,
        "url": receipts.receipt_url(current(), receipt.code),
    }
