"""The token endpoint (§2.5)."""

from flask import Response, jsonify

from identity.context import current
from identity.operations.tokens import give_token
from identity.routes.oauth import NO_STORE, allow_other_origins, endpoint_rules, make_routes, offer_nonce, read_call, read_form
from identity.standards import discovery

routes = make_routes("token", __name__)
routes.after_request(allow_other_origins)
routes.after_request(offer_nonce)


@routes.post(endpoint_rules(discovery.TOKEN)[0])
@routes.post(endpoint_rules(discovery.TOKEN)[1])
def token() -> Response:
    """Give tokens for a grant."""
    response = jsonify(give_token(current(), read_call(read_form())))
    response.headers.update(NO_STORE)
    return response
