"""Keys of consent tokens and evidence, and introspection for providers.  Spec: wallet contract §5.1, §5.3."""

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC, Scope
from shared.routes import Routes
from wallet.context import current
from wallet.operations.keys import published_keys
from wallet.operations.tokens import INACTIVE, introspect_consent, introspect_token

JWKS_SECONDS = 300
bp = Routes("tokens", __name__, access=PUBLIC)


@bp.get("/.well-known/jwks.json")
def jwks() -> ResponseReturnValue:
    """Publish the keys, also those that sign next and those that signed before."""
    keys = [key.as_dict(private=False) for key in published_keys(current()).values()]
    return jsonify({"keys": keys}), 200, {"Cache-Control": f"public, max-age={JWKS_SECONDS}"}


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
    return jsonify(answer), 200, {"Cache-Control": "no-store"}
