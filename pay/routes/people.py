"""What a person paid, for the citizen portal that shows all dealings in one place.  Spec: requirements CH-14."""

from flask import Response, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from pay.context import current
from pay.operations.people import payments_to, receipt_to
from pay.operations.receipts import receipt_pdf
from pay.standards.payment_states import PUBLIC
from shared.access import Scope
from shared.bodies import load_json
from shared.clock import rfc3339
from shared.routes import Routes

bp = Routes("people", __name__, url_prefix="/people", access=Scope("pay:people"))


class PersonSchema(Schema):
    """Whose receipts; in the body, for no personal value stands in an address."""

    email = fields.Email(required=True, validate=validate.Length(max=254))


class ReceiptSchema(PersonSchema):
    """Whose receipt, and of which payment."""

    payment_id = fields.String(required=True, validate=validate.Length(min=1, max=100))


@bp.post("/payments")
def show() -> ResponseReturnValue:
    """Give the newest payments whose receipt went to this address."""
    found = [
        {
            "payment_id": payment.id,
            "at": rfc3339(payment.created_at),
            "service": service,
            "description": payment.description,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "status": PUBLIC[payment.state].status,
        }
        for payment, service in payments_to(current(), load_json(PersonSchema())["email"])
    ]
    return jsonify({"payments": found}), 200


@bp.post("/receipt")
def show_receipt() -> ResponseReturnValue:
    """Give the receipt of a payment whose receipt went to this address, as a signed PDF."""
    body = load_json(ReceiptSchema())
    receipt = receipt_to(current(), body["email"], body["payment_id"])
    return Response(receipt_pdf(current(), receipt), content_type="application/pdf")
