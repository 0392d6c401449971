"""The revocation endpoint (RV-1, RV-2)."""

from flask import Response

from identity.context import current
from identity.operations.revocation import revoke
from identity.routes.oauth import NO_STORE, allow_other_origins, endpoint_rules, make_routes, read_call, read_form
from identity.schemas import oauth
from identity.standards import discovery
from shared.openapi import describes

routes = make_routes("revocation", __name__)
routes.after_request(allow_other_origins)


@routes.post(endpoint_rules(discovery.REVOKE)[0])
@routes.post(endpoint_rules(discovery.REVOKE)[1])
@describes(body=oauth.ONE_TOKEN, body_type=oauth.FORM, answers={200: None, **oauth.REFUSALS})
def revoke_token() -> Response:
    """End a token."""
    revoke(current(), read_call(read_form()))
    return Response(b"", headers=NO_STORE)
