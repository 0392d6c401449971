"""/v1/payments/{payment_id}/refunds.  Spec: pay-api.md §9."""

from flask import Response, jsonify, request

from pay.context import current
from pay.operations import refunds, searches
from pay.routes.access import PaymentKey, merchant
from pay.schemas import published as shapes
from pay.schemas.bodies import read_body
from pay.schemas.headers import HEADER, read_idempotency_key
from pay.schemas.refunds import read_new_refund, refund_body
from pay.schemas.searches import REFUNDS, ResultsPage, asked, read_query, results_body
from shared.openapi import describes
from shared.routes import Routes

bp = Routes("refunds", __name__, url_prefix="/v1/payments/<payment_id>/refunds", access=PaymentKey())


@bp.post("")
@describes(body=shapes.NEW_REFUND, answers={202: shapes.REFUND}, headers=shapes.IDEMPOTENCY)
def create(payment_id: str) -> Response:
    """Refund a payment, in whole or in part."""
    caller = merchant()
    body = read_body(request.get_data(), code="P0697")
    order = read_new_refund(body, amount_max=caller.account.max_amount_minor)
    key = read_idempotency_key(request.headers.get(HEADER), body)
    refund = refunds.create_refund(current(), caller, payment_id, order, key)
    response = jsonify(refund_body(refund, current().addresses))
    response.status_code = 202
    return response


@bp.get("")
@describes(answers={200: shapes.REFUNDS})
def list_all(payment_id: str) -> Response:
    """Return the refunds of a payment, oldest first."""
    payment, found = refunds.get_refunds(current(), merchant(), payment_id)
    own = current().addresses.payment(payment.id)
    links = {"self": {"href": f"{own}/refunds", "method": "GET"}, "payment": {"href": own, "method": "GET"}}
    items = [refund_body(refund, current().addresses) for refund in found]
    return jsonify({"payment_id": payment.id, "_links": links, "_embedded": {"refunds": items}})


@bp.get("/<refund_id>")
@describes(answers={200: shapes.REFUND})
def get(payment_id: str, refund_id: str) -> Response:
    """Return one refund."""
    return jsonify(refund_body(refunds.get_refund(current(), merchant(), payment_id, refund_id), current().addresses))


search_bp = Routes("refund_search", __name__, url_prefix="/v1/refunds", access=PaymentKey())


@search_bp.get("")
@describes(query=shapes.query_of(list(REFUNDS)), answers={200: shapes.page_of(shapes.FOUND_REFUND)})
def search() -> Response:
    """Search refunds, newest first."""
    pay, given = current(), asked(request.args.to_dict(), REFUNDS)
    query = read_query(given, REFUNDS, "P1101")
    found = searches.search_refunds(pay, merchant(), query)
    results = [{"payment_id": refund.payment_id} | refund_body(refund, pay.addresses) for refund in found.refunds]
    page = ResultsPage(f"{pay.addresses.api}/v1/refunds", found.total, query.page, query.display_size)
    return jsonify(results_body(page, results, given))
