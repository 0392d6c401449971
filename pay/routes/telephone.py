"""/v1/auth and /v1/payment_notification.  Spec: pay-api.md §13, §14."""

from flask import Response, jsonify, request

from pay.context import current
from pay.operations import telephone
from pay.routes.access import OneTimeToken, PaymentKey, merchant
from pay.schemas import published as shapes
from pay.schemas.bodies import read_body
from pay.schemas.telephone import read_authorisation, read_report
from pay.standards.payment_object import payment_body, payment_links
from shared.openapi import describes
from shared.routes import Routes

bp = Routes("telephone", __name__, url_prefix="/v1", access=PaymentKey())


@bp.post("/auth", access=OneTimeToken())
@describes(body=shapes.AUTHORISATION, answers={204: None})
def authorise() -> Response:
    """Authorise a payment with a card that was said on the telephone: sandbox accounts only."""
    token, card = read_authorisation(read_body(request.get_data(), code="P0197"))
    telephone.authorise_by_token(current(), token, card)
    return Response(status=204)


@bp.post("/payment_notification")
@describes(body=shapes.NEW_REPORT, answers={201: shapes.REPORTED, 200: shapes.REPORTED})
def notify() -> Response:
    """Report a payment that an external telephone service took; reported again it is the same payment."""
    given = read_report(read_body(request.get_data(), code="P0197"), merchant().account)
    payment, is_repeat = telephone.report(current(), merchant(), given)
    addresses = current().addresses
    told = {"processor_id": given.processor_id, "_links": payment_links(payment, addresses, token=None)}
    response = jsonify(payment_body(payment) | told)
    response.status_code = 200 if is_repeat else 201
    return response
