"""The user-info endpoint (§2.9)."""

from flask import Response, jsonify, request

from identity.context import current
from identity.errors import OAuthInvalidRequest, TokenMissing
from identity.operations.userinfo import Shown, tell_about_person
from identity.routes.oauth import FORM, NO_STORE, allow_other_origins, endpoint_rules, make_routes, offer_nonce, read_call, read_form
from identity.schemas import oauth
from identity.standards import discovery
from identity.standards.rfc6749 import Parameters
from shared.openapi import describes

routes = make_routes("userinfo", __name__)
routes.after_request(allow_other_origins)
routes.after_request(offer_nonce)
SCHEMES = ("bearer", "dpop")


def _shown() -> Shown:
    """Return the token of the header or of a form body, never of the address (UI-1).  Raises: TokenMissing, OAuthInvalidRequest."""
    if "access_token" in request.args:
        raise OAuthInvalidRequest("a token does not belong into the address")
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    in_header = value.strip() if scheme.lower() in SCHEMES else ""
    in_body = ""
    if request.method == "POST" and request.mimetype == FORM:
        parameters = read_form()
        parameters.refuse_repeated()
        in_body = parameters.get("access_token") or ""
    if in_header and in_body:
        raise OAuthInvalidRequest("send the token in one place")
    if not in_header and not in_body:
        raise TokenMissing("send an access token")
    return Shown(in_header, scheme.lower()) if in_header else Shown(in_body, "body")


@routes.route(endpoint_rules(discovery.USERINFO)[0], methods=discovery.USERINFO.methods)
@routes.route(endpoint_rules(discovery.USERINFO)[1], methods=discovery.USERINFO.methods)
@describes(answers={200: oauth.CLAIMS, 401: oauth.REFUSED, 403: oauth.REFUSED}, headers=oauth.PROOF_HEADERS)
def userinfo() -> Response:
    """Tell what the token releases about its person."""
    shown = _shown()
    told = tell_about_person(current(), read_call(Parameters()), shown)
    response = jsonify(told.claims) if told.signed is None else Response(told.signed, content_type="application/jwt")
    response.headers.update(NO_STORE)
    return response
