"""/v1/agreements.  Spec: pay-api.md §12."""

from flask import Response, jsonify, request

from pay.context import current
from pay.operations import agreements
from pay.routes.access import PaymentKey, merchant
from pay.schemas import published as shapes
from pay.schemas.agreements import agreement_body, read_new_agreement
from pay.schemas.bodies import read_body
from pay.schemas.headers import HEADER, read_idempotency_key
from pay.schemas.searches import AGREEMENTS, ResultsPage, read_agreement_query, results_body
from shared.openapi import describes
from shared.routes import Routes

bp = Routes("agreements", __name__, url_prefix="/v1/agreements", access=PaymentKey())


@bp.post("")
@describes(body=shapes.NEW_AGREEMENT, answers={201: shapes.AGREEMENT, 200: shapes.AGREEMENT}, headers=shapes.IDEMPOTENCY)
def create() -> Response:
    """Create an agreement; 200 where the Idempotency-Key was used for the same request before."""
    body = read_body(request.get_data(), code="P2197")
    order = read_new_agreement(body)
    key = read_idempotency_key(request.headers.get(HEADER), body)
    made, is_replay = agreements.create_agreement(current(), merchant(), order, key)
    response = jsonify(agreement_body(made, is_new=not is_replay))
    response.status_code = 200 if is_replay else 201
    return response


@bp.get("")
@describes(query=shapes.query_of(list(AGREEMENTS)), answers={200: shapes.page_of(shapes.AGREEMENT)})
def search() -> Response:
    """Search agreements, newest first."""
    given = request.args.to_dict()
    query = read_agreement_query(given)
    total, found = agreements.search_agreements(current(), merchant(), query)
    results = [agreement_body(agreement) for agreement in found]
    page = ResultsPage(f"{current().addresses.api}/v1/agreements", total, query.page, query.display_size)
    return jsonify(results_body(page, results, given))


@bp.get("/<agreement_id>")
@describes(answers={200: shapes.AGREEMENT})
def get(agreement_id: str) -> Response:
    """Return an agreement with the card that is charged under it."""
    return jsonify(agreement_body(agreements.get_agreement(current(), merchant(), agreement_id)))


@bp.post("/<agreement_id>/cancel")
@describes(answers={204: None}, headers=shapes.IDEMPOTENCY)
def cancel(agreement_id: str) -> Response:
    """End an active agreement; the stored card details are erased."""
    agreements.cancel_agreement(current(), merchant(), agreement_id, read_idempotency_key(request.headers.get(HEADER)))
    return Response(status=204)
