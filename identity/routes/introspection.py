"""The introspection endpoint, plain and signed (IN-1…IN-4)."""

from flask import Response, jsonify, request

from identity.context import current
from identity.operations.introspection import JWT_TYPE, introspect, sign_answer
from identity.routes.oauth import NO_STORE, endpoint_rules, make_routes, read_call, read_form
from identity.schemas import oauth
from identity.standards import discovery
from shared.openapi import describes

SIGNED = f"application/{JWT_TYPE}"
routes = make_routes("introspection", __name__)


@routes.post(endpoint_rules(discovery.INTROSPECT)[0])
@routes.post(endpoint_rules(discovery.INTROSPECT)[1])
@describes(body=oauth.ONE_TOKEN, body_type=oauth.FORM, answers={200: oauth.INTROSPECTION_ANSWER, **oauth.REFUSALS})
def introspect_token() -> Response:
    """Tell a service about a token that is addressed to it."""
    identity = current()
    client, answer = introspect(identity, read_call(read_form()))
    if SIGNED in request.headers.get("Accept", ""):
        response = Response(sign_answer(identity, client, answer), content_type=SIGNED)
    else:
        response = jsonify(answer)
    response.headers.update(NO_STORE)
    return response
