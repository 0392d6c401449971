"""What the endpoints of OAuth share: reading parameters, and answering refusals in its form (§2.3)."""

from typing import cast

from cryptography.x509 import Certificate
from flask import Response, g, jsonify, make_response, request

from identity.context import current
from identity.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidToken,
    OAuthError,
    OAuthInvalidRequest,
    ResourceNonceNeeded,
    ResourceProofRefused,
    TokenMissing,
)
from identity.operations.calls import Call, refuse_crowd
from identity.operations.held_keys import fresh_nonce
from identity.standards import discovery
from identity.standards.discovery import Endpoint
from identity.standards.rfc6749 import Parameters, decode_form, plain_description, read_parameters
from shared import dpop
from shared.access import PUBLIC
from shared.certificates import InvalidCertificate, shown_certificate
from shared.http import is_public_address, subscriber_of
from shared.problems import Problem, TooLarge
from shared.routes import Routes
from shared.web import page

ISSUER_PATH = "/openid"
FORM = "application/x-www-form-urlencoded"
BODY_BYTES_MAX = 64 * 1024
QUERY_BYTES_MAX = 8 * 1024
NEVER_IN_QUERY = frozenset(
    {"client_secret", "client_assertion", "code", "code_verifier", "access_token", "refresh_token", "password", "token"}
)
PAGES = (discovery.AUTHORIZE, discovery.END_SESSION)
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "WWW-Authenticate, DPoP-Nonce"}
CODES_BY_STATUS = {500: "server_error", 503: "temporarily_unavailable", 429: "temporarily_unavailable"}


def endpoint_rules(endpoint: Endpoint) -> tuple[str, str]:
    """Return the addresses of an endpoint: both forms answer, so that no POST is redirected (CU-30)."""
    return ISSUER_PATH + endpoint.path, ISSUER_PATH + endpoint.path + "/"


def make_routes(name: str, import_name: str, *, limited: bool = True) -> Routes:
    """Return a blueprint for endpoints that anybody may call, though not too often; each finds out for itself who does."""
    routes = Routes(name, import_name, access=PUBLIC)
    if limited:
        routes.before_request(_refuse_crowd)
    return routes


def _refuse_crowd() -> None:
    """Count the call by where it comes from; addresses of private networks count for nobody (HT-10).  Raises: TooManyRequests."""
    identity, address = current(), request.remote_addr or ""
    if is_public_address(address):
        refuse_crowd(identity, f"address|{subscriber_of(address)}", identity.settings.calls_per_address)


def allow_other_origins(response: Response) -> Response:
    """Let pages of other origins read an endpoint that takes no cookie."""
    response.headers.update(CORS)
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, DPoP"
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
        response.headers["Access-Control-Max-Age"] = "3600"
    return response


def read_query() -> Parameters:
    """Return the parameters of the address.  Raises: OAuthInvalidRequest, TooLarge."""
    if len(request.query_string) > QUERY_BYTES_MAX:
        raise TooLarge("The address is too long.")
    g.parameters = read_parameters(decode_form(request.query_string))
    return cast(Parameters, g.parameters)


def read_form(bytes_max: int = BODY_BYTES_MAX) -> Parameters:
    """Return the parameters of a form body; secrets in the address are refused (HT-3, HT-10).  Raises: OAuthInvalidRequest, TooLarge."""
    if request.content_length is not None and request.content_length > bytes_max:
        raise TooLarge(f"A body may have {bytes_max // 1024} KiB.")
    if request.mimetype != FORM:
        raise OAuthInvalidRequest(f"send {FORM}")
    if NEVER_IN_QUERY & set(request.args):
        raise OAuthInvalidRequest("credentials do not belong into the address")
    raw = request.stream.read(bytes_max + 1)
    if len(raw) > bytes_max:
        raise TooLarge(f"A body may have {bytes_max // 1024} KiB.")
    g.parameters = read_parameters(decode_form(raw))
    return cast(Parameters, g.parameters)


def read_call(parameters: Parameters) -> Call:
    """Return what an endpoint that finds out who calls needs to know of this request.  Raises: InvalidDpopProof."""
    settings = current().settings
    origins = (settings.public_url, *((settings.mtls_url,) if settings.mtls_url else ()))
    return Call(
        method=request.method,
        uris=tuple(origin + request.path for origin in origins),
        parameters=parameters,
        authorization=request.headers.get("Authorization"),
        proof=request.headers.get("DPoP"),
        certificate=read_client_certificate(),
    )


def read_client_certificate() -> Certificate | None:
    """Return the certificate that the edge saw; from any other sender the header says nothing (HT-9).  Raises: InvalidClient."""
    try:
        return shown_certificate(current().settings)
    except InvalidCertificate as error:
        raise InvalidClient(str(error)) from None


def offer_nonce(response: Response) -> Response:
    """Give the nonce for the next proof to whoever sent one (DP-6)."""
    if "DPoP" in request.headers:
        response.headers["DPoP-Nonce"] = fresh_nonce(current())
    return response


def oauth_format(problem: Problem) -> Response:
    """Render a refusal of an address under the issuer: a page where people come, JSON elsewhere."""
    g.refusal = problem
    if any(request.path.rstrip("/") == ISSUER_PATH + endpoint.path for endpoint in PAGES):
        shown = page("shared/problem.html", status=problem.status, problem=problem, request_id=g.get("request_id", ""))
        return make_response(shown)
    code = problem.code if isinstance(problem, OAuthError) else CODES_BY_STATUS.get(problem.status, "invalid_request")
    response = jsonify({"error": code, "error_description": plain_description(problem.detail or problem.title)})
    response.status_code = problem.status
    response.headers.update(NO_STORE)
    _challenge(problem, response)
    if any(endpoint.cors and request.path.rstrip("/") == ISSUER_PATH + endpoint.path for endpoint in discovery.ENDPOINTS):
        response.headers.update(CORS)
    return response


def _challenge(problem: Problem, response: Response) -> None:
    """Add the challenge of a resource; the bare one where no token was sent (UI-2)."""
    if isinstance(problem, TokenMissing):
        response.headers["WWW-Authenticate"] = "Bearer"
        response.set_data(b"")
    elif isinstance(problem, InvalidToken | InsufficientScope | ResourceProofRefused | ResourceNonceNeeded):
        by_proof = isinstance(problem, ResourceProofRefused | ResourceNonceNeeded) or problem.extra.get("challenge") == "DPoP"
        scheme, algs = ("DPoP", f', algs="{" ".join(dpop.ALGORITHMS)}"') if by_proof else ("Bearer", "")
        description = plain_description(problem.detail)
        response.headers["WWW-Authenticate"] = f'{scheme} error="{problem.code}", error_description="{description}"{algs}'
