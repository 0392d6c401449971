"""/v1/payouts: money to people, by transfer or in cash.  An extension of the published contract.  Spec: PA-8, PA-9; pay-api.md §25."""

from flask import Response, jsonify, request

from pay.context import current
from pay.errors import InvalidSearch, ResourceNotFound
from pay.models.payout import Payout
from pay.operations import payouts
from pay.operations.payout_bodies import payee_body, payout_body
from pay.operations.searches import DISPLAY_SIZE_MAX
from pay.routes.access import PaymentKey, merchant
from pay.schemas import payout_shapes as shapes
from pay.schemas.bodies import read_body
from pay.schemas.headers import HEADER
from pay.schemas.payouts import SEARCH, read_new_payout, require_key
from pay.standards.payment_object import Json, iso_milliseconds
from shared.openapi import describes
from shared.problems import NotFound
from shared.routes import Routes

bp = Routes("payouts", __name__, url_prefix="/v1/payouts", access=PaymentKey())
_KEY = {HEADER: "Mandatory: the same key and body again order nothing new."}


@bp.post("")
@describes(body=shapes.NEW_PAYOUT, answers={201: shapes.PAYOUT, 200: shapes.PAYOUT}, headers=_KEY)
def order() -> Response:
    """Order a pay-out; over the account's limit it waits for a person."""
    pay, caller = current(), merchant()
    body = read_body(request.get_data(), code="P0197")
    wanted = read_new_payout(body, caller.account)
    made, is_replay = payouts.order_payout(pay, caller, wanted, require_key(request.headers.get(HEADER), body))
    response = _answer(made)
    response.status_code = 200 if is_replay else 201
    response.headers["Location"] = f"{pay.addresses.api}/v1/payouts/{made.id}"
    return response


@bp.get("")
@describes(query=shapes.QUERY, answers={200: shapes.PAYOUTS})
def search() -> Response:
    """List pay-outs, newest first; `state`, `reference`, `page`, `display_size`."""
    pay, caller = current(), merchant()
    given = {name: value for name, value in request.args.items() if name in SEARCH and value}
    wrong = [name for name, is_right in SEARCH.items() if name in given and not is_right(given[name])]
    if wrong:
        text = f"Invalid parameters: {', '.join(wrong)}. See Public API documentation for the correct data formats"
        raise InvalidSearch("P0401", text)
    page, size = int(given.get("page", 1)), int(given.get("display_size", DISPLAY_SIZE_MAX))
    found = payouts.search_payouts(pay, caller.account.id, state=given.get("state"), reference=given.get("reference"), page=page, size=size)
    results = [payout_body(payout) | {"_links": _links(payout)} for payout in found.payouts]
    return jsonify({"total": found.total, "count": len(results), "page": page, "results": results})


@bp.get("/<payout_id>")
@describes(answers={200: shapes.PAYOUT})
def get(payout_id: str) -> Response:
    """Return a pay-out; while cash waits at the counters, with the code that fetches it."""
    return _answer(_own(payout_id))


@bp.get("/<payout_id>/events")
@describes(answers={200: shapes.EVENTS})
def events(payout_id: str) -> Response:
    """Return the states of a pay-out, oldest first."""
    found = _own(payout_id)
    steps = [{"status": state.value, "updated": iso_milliseconds(at)} for state, at in payouts.list_steps(current(), found)]
    return jsonify({"payout_id": found.id, "events": steps})


@bp.post("/<payout_id>/cancel")
@describes(answers={204: None})
def cancel(payout_id: str) -> Response:
    """Take a pay-out back that is not on its way."""
    caller = merchant()
    try:
        payouts.cancel_payout(current(), caller.account.id, payout_id, actor=caller.actor)
    except NotFound:
        raise ResourceNotFound("P0200") from None
    return Response(status=204)


def _own(payout_id: str) -> Payout:
    try:
        return payouts.get_payout(current(), merchant().account.id, payout_id)
    except NotFound:
        raise ResourceNotFound("P0200") from None


def _links(payout: Payout) -> Json:
    own = f"{current().addresses.api}/v1/payouts/{payout.id}"
    return {"self": {"href": own, "method": "GET"}, "events": {"href": f"{own}/events", "method": "GET"}}


def _answer(payout: Payout) -> Response:
    code = payouts.cash_code(current(), payout)
    body = payout_body(payout) | {"payee": payee_body(payout), "_links": _links(payout)}
    return jsonify(body | ({"cash_code": code} if code else {}))
