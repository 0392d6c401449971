"""Discovery in both forms, and the public keys (§2.2, DI-11)."""

from flask import Response, jsonify

from identity.context import current
from identity.routes.oauth import ISSUER_PATH, allow_other_origins, endpoint_rules, make_routes
from identity.standards import discovery

KEEP_SECONDS = 3600
routes = make_routes("metadata", __name__)
routes.after_request(allow_other_origins)


@routes.get(ISSUER_PATH + discovery.OIDC_PATH)
@routes.get(discovery.RFC8414_PATH + ISSUER_PATH)
def show_metadata() -> Response:
    """The discovery document."""
    response = jsonify(discovery.metadata(current().settings.issuer))
    response.headers["Cache-Control"] = f"public, max-age={KEEP_SECONDS}"
    return response


@routes.get(endpoint_rules(discovery.JWKS)[0])
@routes.get(endpoint_rules(discovery.JWKS)[1])
def show_keys() -> Response:
    """The keys that wait, sign, and signed lately."""
    identity = current()
    response = jsonify({"keys": [stored.public_jwk for stored in identity.keys.published()]})
    keep = min(KEEP_SECONDS, identity.settings.key_pending_seconds)
    response.headers["Cache-Control"] = f"public, max-age={keep}"
    return response
