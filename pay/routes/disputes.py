"""/v1/disputes.  Spec: pay-api.md §11."""

from flask import Response, jsonify, request

from pay.context import current
from pay.operations import disputes
from pay.routes.access import PaymentKey, merchant
from pay.schemas import published as shapes
from pay.schemas.disputes import dispute_body
from pay.schemas.searches import DISPUTES, ResultsPage, read_dispute_query, results_body
from shared.openapi import describes
from shared.routes import Routes

bp = Routes("disputes", __name__, url_prefix="/v1/disputes", access=PaymentKey())


@bp.get("")
@describes(query=shapes.query_of(list(DISPUTES)), answers={200: shapes.page_of(shapes.DISPUTE, also=("links",))})
def search() -> Response:
    """Search disputes, newest first."""
    given = {name: value for name, value in request.args.items() if name in DISPUTES}
    query = read_dispute_query(given)
    addresses = current().addresses
    total, found = disputes.search_disputes(current(), merchant(), query)
    results = [dispute_body(dispute, addresses) for dispute in found]
    body = results_body(ResultsPage(f"{addresses.api}/v1/disputes", total, query.page, query.display_size), results, given)
    return jsonify(body | {"links": body["_links"]})  # the original names it `links` here and nowhere else: §24.7
