"""Keys of consent tokens and evidence, and introspection for providers.  Spec: wallet contract §5.1, §5.3."""

from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC, Scope
from shared.routes import Routes
from wallet.context import current
from wallet.errors import TokenRequestRefused
from wallet.operations.keys import published_keys
from wallet.operations.status_lists import aggregation_uri
from wallet.operations.token_requests import GRANT_TYPES, give_token
from wallet.operations.tokens import INACTIVE, introspect_consent, introspect_token, sign_introspection
from wallet.standards.namespace import CONSENT_TYPE, LEGAL_ACCESS_TYPE

JWKS_SECONDS = 300
QUERY_ACTION, REVOKE_ACTION = "query", "revoke"
SIGNED = "application/token-introspection+jwt"
bp = Routes("tokens", __name__, access=PUBLIC)


@bp.get("/.well-known/jwks.json")
def jwks() -> ResponseReturnValue:
    """Publish the keys, also those that sign next and those that signed before."""
    keys = [key.as_dict(private=False) for key in published_keys(current()).values()]
    return jsonify({"keys": keys}), 200, {"Cache-Control": f"public, max-age={JWKS_SECONDS}"}


@bp.get("/.well-known/oauth-authorization-server")
def metadata() -> ResponseReturnValue:
    """Say what the wallet's token endpoint takes.  Spec: RFC 8414, RFC 9396 §10."""
    base = current().settings.public_url
    body = {
        "issuer": base,
        "token_endpoint": f"{base}/token",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "introspection_endpoint": f"{base}/introspect",
        "grant_types_supported": list(GRANT_TYPES),
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "authorization_details_types_supported": [CONSENT_TYPE, LEGAL_ACCESS_TYPE],
        "grant_management_endpoint": f"{base}/grants",
        "grant_management_actions_supported": [QUERY_ACTION, REVOKE_ACTION],
        "grant_management_action_required": False,
        "status_list_aggregation_endpoint": aggregation_uri(current()),
    }
    return jsonify(body), 200, {"Cache-Control": f"public, max-age={JWKS_SECONDS}"}


@bp.post("/token")
def token() -> ResponseReturnValue:
    """Give a consent token to a recipient that calls the provider itself; the client authenticates by its key."""
    wallet = current()
    try:
        granted = give_token(wallet, request.form, proof=request.headers.get("DPoP"), url=wallet.settings.public_url + "/token")
    except TokenRequestRefused as refused:
        body: dict[str, object] = {"error": refused.error, "error_description": refused.detail}
        return jsonify(body), refused.answer_status
    body = {"access_token": granted.token, "token_type": "DPoP", "expires_in": granted.expires_in}
    return jsonify({**body, "authorization_details": [granted.detail]}), 200


@bp.post("/introspect", access=Scope("wallet:provide"))
def introspect() -> ResponseReturnValue:
    """Tell a provider whether a token addressed to it stands; every other case is exactly `{"active": false}`."""
    wallet, client_id, form = current(), g.caller.client_id, request.form
    if "token" in form:
        answer = introspect_token(wallet, client_id, form["token"])
    elif {"consent_id", "client_id", "dataset_id"} <= form.keys():
        answer = introspect_consent(wallet, client_id, form["consent_id"], form["client_id"], form["dataset_id"])
    else:
        answer = INACTIVE
    if request.accept_mimetypes.best_match(["application/json", SIGNED]) == SIGNED:
        return Response(sign_introspection(wallet, client_id, answer), content_type=SIGNED)
    return jsonify(answer), 200
