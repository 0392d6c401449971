"""The body of POST /v1/payments/{id}/refunds, and refunds as they go out.  Spec: pay-api.md §9."""

from pay.models.refund import Refund
from pay.operations.refunds import NewRefund
from pay.schemas.bodies import Body
from pay.schemas.rules import is_integer, missing, out_of_range, wrong_type
from pay.standards.payment_object import Addresses, Json, iso_milliseconds
from pay.standards.refund_states import PUBLIC_STATUS, RefundState

AMOUNT_MAX = 10_000_000


def read_new_refund(body: Body, *, amount_max: int = AMOUNT_MAX) -> NewRefund:
    """Return what the caller asks for.  Raises: MissingAttribute, InvalidAttribute, AttributeOutOfRange."""
    amount, available = body.get("amount"), body.get("refund_amount_available")
    if amount is None:
        raise missing("amount", code="P0601")
    if not isinstance(amount, int) or not is_integer(amount):
        raise wrong_type("amount", "Must be a valid numeric format", code="P0602")
    if amount < 1:
        raise out_of_range("amount", "Must be greater than or equal to 1", code="P0602")
    if amount > amount_max:
        raise out_of_range("amount", f"Must be less than or equal to {amount_max}", code="P0602")
    if available is None:
        return NewRefund(amount, None)
    # A value that is not a number is read as 0, as the original does.
    return NewRefund(amount, available if isinstance(available, int) and is_integer(available) else 0)


def refund_body(refund: Refund, addresses: Addresses) -> Json:
    """Return a refund with its links."""
    payment = addresses.payment(refund.payment_id)
    settled: Json = {"captured_date": refund.updated_at.date().isoformat()} if refund.state is RefundState.REFUNDED else {}
    if refund.settled_on is not None:
        settled["settled_date"] = refund.settled_on.isoformat()
    return {
        "refund_id": refund.id,
        "created_date": iso_milliseconds(refund.created_at),
        "amount": refund.amount_minor,
        "status": PUBLIC_STATUS[refund.state],
        "settlement_summary": settled,
        "_links": {
            "self": {"href": f"{payment}/refunds/{refund.id}", "method": "GET"},
            "payment": {"href": payment, "method": "GET"},
        },
    }
