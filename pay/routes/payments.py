"""/v1/payments.  Spec: pay-api.md §4, §5, §8, §10."""

from flask import Response, jsonify, request

from pay.context import current
from pay.operations import captures, endings, payments, searches
from pay.operations.payments import OpenPayment
from pay.routes.access import PaymentKey, merchant
from pay.schemas import published as shapes
from pay.schemas.bodies import read_body
from pay.schemas.headers import HEADER, read_idempotency_key
from pay.schemas.payments import read_new_payment
from pay.schemas.searches import PAYMENTS, ResultsPage, asked, read_query, results_body
from pay.standards.payment_object import iso_milliseconds, payment_body, payment_links, search_links, state_body
from shared.openapi import describes
from shared.routes import Routes

bp = Routes("payments", __name__, url_prefix="/v1/payments", access=PaymentKey())


def _payment_response(found: OpenPayment, status: int) -> Response:
    addresses = current().addresses
    response = jsonify(payment_body(found.payment) | {"_links": payment_links(found.payment, addresses, token=found.token)})
    response.status_code = status
    response.headers["Pragma"] = "no-cache"
    response.headers["Cache-Control"] = "no-store"
    if status == 201:
        response.headers["Location"] = addresses.payment(found.payment.id)
    return response


@bp.post("")
@describes(body=shapes.NEW_PAYMENT, answers={201: shapes.PAYMENT, 200: shapes.PAYMENT}, headers=shapes.IDEMPOTENCY)
def create() -> Response:
    """Create a payment; 200 where the Idempotency-Key was used for the same request before."""
    pay, caller = current(), merchant()
    body = read_body(request.get_data(), code="P0197")
    order = read_new_payment(body, caller.account, contact=pay.settings.support_contact)
    key = read_idempotency_key(request.headers.get(HEADER), body)
    made = payments.create_payment(pay, caller, order, key)
    return _payment_response(made, 200 if made.is_replay else 201)


@bp.get("")
@describes(query=shapes.query_of(list(PAYMENTS)), answers={200: shapes.page_of(shapes.FOUND_PAYMENT)})
def search() -> Response:
    """Search payments, newest first."""
    pay, given = current(), asked(request.args.to_dict())
    query = read_query(given)
    found = searches.search_payments(pay, merchant(), query)
    results = [payment_body(payment) | {"_links": search_links(payment, pay.addresses)} for payment in found.payments]
    page = ResultsPage(f"{pay.addresses.api}/v1/payments", found.total, query.page, query.display_size)
    return jsonify(results_body(page, results, given))


@bp.get("/<payment_id>")
@describes(answers={200: shapes.PAYMENT})
def get(payment_id: str) -> Response:
    """Return a payment; an open one with a new single-use link to the payer pages."""
    return _payment_response(payments.get_payment(current(), merchant(), payment_id), 200)


@bp.get("/<payment_id>/events")
@describes(answers={200: shapes.EVENTS})
def events(payment_id: str) -> Response:
    """Return how the payment's state changed, oldest first."""
    href = current().addresses.payment(payment_id)
    changes = [
        {
            "payment_id": payment_id,
            "state": state_body(state),
            "updated": iso_milliseconds(at),
            "_links": {"payment_url": {"href": href, "method": "GET"}},
        }
        for state, at in payments.list_events(current(), merchant(), payment_id)
    ]
    return jsonify({"payment_id": payment_id, "events": changes, "_links": {"self": {"href": href + "/events", "method": "GET"}}})


@bp.post("/<payment_id>/cancel")
@describes(answers={204: None}, headers=shapes.IDEMPOTENCY)
def cancel(payment_id: str) -> Response:
    """Cancel an unfinished payment."""
    endings.cancel_by_service(current(), merchant(), payment_id, read_idempotency_key(request.headers.get(HEADER)))
    return Response(status=204)


@bp.post("/<payment_id>/capture")
@describes(answers={204: None}, headers=shapes.IDEMPOTENCY)
def capture(payment_id: str) -> Response:
    """Capture a payment that waits for it; again is answered alike."""
    captures.request_capture(current(), merchant(), payment_id, read_idempotency_key(request.headers.get(HEADER)))
    return Response(status=204)
