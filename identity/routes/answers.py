"""Send the browser back to the client: by redirect, or by a form that posts itself (AZ-8, AZ-9)."""

import base64
import hashlib
from urllib.parse import urlsplit

from flask import Response, g, make_response, redirect

from identity.context import Identity
from identity.errors import OAuthError
from identity.operations.authorization_requests import AuthorizationRequest, ReturnAddress
from identity.operations.signed_responses import sign_response
from identity.standards import session_management
from identity.standards.discovery import SIGNED_MODES
from identity.standards.redirect_uris import origin_of
from identity.standards.rfc6749 import add_to_query, plain_description
from shared.web import allow, page

POST_ITSELF = 'document.getElementById("answer").submit()'
SCRIPT_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(POST_ITSELF.encode()).digest()).decode()}'"


def form_action_source(uri: str) -> str:
    """Return an address as a source of form-action: its origin, or its scheme where it is an app's own."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def send_back(identity: Identity, address: ReturnAddress | AuthorizationRequest, values: dict[str, str]) -> Response:
    """Answer the client; `iss` is always there, `state` exactly when it was sent; in a `jwt` mode all of it is signed."""
    redirect_uri, response_mode = address.redirect_uri, address.response_mode
    values = {**values, **({} if address.state is None else {"state": address.state}), "iss": identity.settings.issuer}
    if response_mode in SIGNED_MODES:
        client_id = address.client.client_id if isinstance(address, ReturnAddress) else address.client_id
        values = {"response": sign_response(identity, client_id, values)}
    if response_mode.startswith("form_post"):
        allow("form-action", form_action_source(redirect_uri))
        allow("script-src", SCRIPT_SOURCE)
        response = page("identity/form_post.html", action=redirect_uri, values=values, script=POST_ITSELF)
    else:
        response = make_response(redirect(add_to_query(redirect_uri, values), 303))
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def send_code(identity: Identity, request: AuthorizationRequest, code: str, session_token: str | None) -> Response:
    """Answer with a code, and with what the client's page needs to watch the sign-on, where that is on (LO-11)."""
    values = {"code": code}
    if identity.settings.session_management and request.is_openid and session_token and request.redirect_uri.startswith("http"):
        state, salt = session_management.browser_state(session_token), identity.ids.token(8)
        values["session_state"] = session_management.session_state(request.client_id, origin_of(request.redirect_uri), state, salt)
    return send_back(identity, request, values)


def send_error(identity: Identity, address: ReturnAddress | AuthorizationRequest, error: OAuthError) -> Response:
    """Answer with a refusal (HT-5)."""
    g.refusal = error
    return send_back(identity, address, {"error": error.code, "error_description": plain_description(error.detail or error.title)})
