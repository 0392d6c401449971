"""The token endpoint (§2.5)."""

from flask import Response, jsonify

from identity.context import current
from identity.operations.tokens import give_token
from identity.routes.oauth import NO_STORE, allow_other_origins, endpoint_rules, make_routes, offer_nonce, read_call, read_form
from identity.schemas import oauth
from identity.standards import discovery
from shared.openapi import describes

routes = make_routes("token", __name__)
routes.after_request(allow_other_origins)
routes.after_request(offer_nonce)


@routes.post(endpoint_rules(discovery.TOKEN)[0])
@routes.post(endpoint_rules(discovery.TOKEN)[1])
@describes(
    body=oauth.TOKEN,
    body_type=oauth.FORM,
    answers={200: oauth.TOKEN_ANSWER, **oauth.REFUSALS},
    headers=oauth.PROOF_HEADERS,
)
def token() -> Response:
    """Give tokens for a grant."""
    response = jsonify(give_token(current(), read_call(read_form())))
    response.headers.update(NO_STORE)
    return response
