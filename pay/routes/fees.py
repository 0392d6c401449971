"""/v1/fee-rules: what the products of an account cost.  An extension of the published contract.  Spec: PA-10, PA-11."""

from flask import Response, jsonify, request

from pay.context import current
from pay.operations import fees
from pay.operations.amounts import today
from pay.routes.access import PaymentKey, merchant
from pay.schemas import published as shapes
from pay.schemas.bodies import read_body
from pay.schemas.fees import read_rule, rule_body
from shared.openapi import describes
from shared.routes import Routes

bp = Routes("fees", __name__, url_prefix="/v1/fee-rules", access=PaymentKey())


@bp.post("")
@describes(body=shapes.NEW_FEE_RULE, answers={201: shapes.FEE_RULE})
def add() -> Response:
    """Say what a product costs from a day on; earlier versions stay."""
    pay, caller = current(), merchant()
    rule = read_rule(read_body(request.get_data(), code="P0197"), today(pay))
    response = jsonify(rule_body(fees.add_rule(pay, caller.account, rule, actor=caller.actor)))
    response.status_code = 201
    return response


@bp.get("")
@describes(answers={200: shapes.FEE_RULES})
def list_all() -> Response:
    """Return every version of every product, by product, newest first."""
    return jsonify({"fee_rules": [rule_body(rule) for rule in fees.rules_of(current(), merchant().account)]})
