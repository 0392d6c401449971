"""Discovery in both forms, and the public keys (§2.2, DI-11).  Both are prepared: a request copies bytes."""

from flask import Response

from identity.context import current
from identity.operations import metadata
from identity.routes.oauth import ISSUER_PATH, allow_other_origins, endpoint_rules, make_routes
from identity.standards import discovery

KEEP_SECONDS = 3600
routes = make_routes("metadata", __name__, limited=False)
routes.after_request(allow_other_origins)


@routes.get(ISSUER_PATH + discovery.OIDC_PATH)
@routes.get(discovery.RFC8414_PATH + ISSUER_PATH)
def show_metadata() -> Response:
    """The discovery document."""
    return _json(metadata.document(current()), KEEP_SECONDS)


@routes.get(endpoint_rules(discovery.JWKS)[0])
@routes.get(endpoint_rules(discovery.JWKS)[1])
def show_keys() -> Response:
    """The keys that wait, sign, and signed lately."""
    identity = current()
    return _json(metadata.key_set(identity), min(KEEP_SECONDS, identity.settings.key_pending_seconds))


def _json(body: bytes, keep_seconds: int) -> Response:
    return Response(body, content_type="application/json", headers={"Cache-Control": f"public, max-age={keep_seconds}"})
