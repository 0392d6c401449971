"""The endpoint for pushed authorization requests (§2.12)."""

from flask import Response, jsonify

from identity.context import current
from identity.operations.pushed_requests import push
from identity.routes.oauth import NO_STORE, allow_other_origins, endpoint_rules, make_routes, offer_nonce, read_call, read_form
from identity.schemas import oauth
from identity.standards import discovery
from shared.openapi import describes

BODY_BYTES_MAX = 256 * 1024
routes = make_routes("par", __name__)
routes.after_request(allow_other_origins)
routes.after_request(offer_nonce)


@routes.post(endpoint_rules(discovery.PAR)[0])
@routes.post(endpoint_rules(discovery.PAR)[1])
@describes(
    body=oauth.PUSHED,
    body_type=oauth.FORM,
    answers={201: oauth.PUSHED_ANSWER, **oauth.REFUSALS},
    headers=oauth.PROOF_HEADERS,
)
def push_request() -> Response:
    """Keep an authorization request until its person comes."""
    response = jsonify(push(current(), read_call(read_form(BODY_BYTES_MAX))))
    response.status_code = 201
    response.headers.update(NO_STORE)
    return response
