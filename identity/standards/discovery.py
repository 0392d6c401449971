"""One table of endpoints, from which the router and the discovery document are made.

Spec: OpenID Connect Discovery 1.0 §3, RFC 8414, identity-oidc §2.1, §2.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from identity.standards import acr, jose, oidc_claims, rfc7636


@dataclass(frozen=True)
class Endpoint:
    """An address under the issuer: its member in the document, its path, methods, and whether other origins may read it."""

    member: str
    path: str
    methods: tuple[str, ...]
    cors: bool


AUTHORIZE = Endpoint("authorization_endpoint", "/authorize", ("GET", "POST"), cors=False)
TOKEN = Endpoint("token_endpoint", "/token", ("POST",), cors=True)
USERINFO = Endpoint("userinfo_endpoint", "/userinfo", ("GET", "POST"), cors=True)
JWKS = Endpoint("jwks_uri", "/jwks", ("GET",), cors=True)
END_SESSION = Endpoint("end_session_endpoint", "/end-session", ("GET", "POST"), cors=False)
ENDPOINTS = (AUTHORIZE, TOKEN, USERINFO, JWKS, END_SESSION)

OIDC_PATH = "/.well-known/openid-configuration"
RFC8414_PATH = "/.well-known/oauth-authorization-server"
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
AUTH_METHODS = (*SECRET_METHODS, "private_key_jwt", "none")
GRANT_TYPES = ("authorization_code", "client_credentials")
RESPONSE_MODES = ("query", "form_post")
PROMPTS = ("none", "login", "consent")
DISPLAYS = ("page", "popup")
LOCALES = ("es-CL", "en")


def metadata(issuer: str, *, service_scopes: tuple[str, ...] = ()) -> Mapping[str, object]:
    """Return the discovery document of an issuer (DI-1…DI-10).  Only what is served stands in it."""
    claims = oidc_claims.released_names(oidc_claims.SCOPES)
    return {
        "issuer": issuer,
        **{endpoint.member: issuer + endpoint.path for endpoint in ENDPOINTS},
        "scopes_supported": [*oidc_claims.SCOPES, *service_scopes],
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": list(jose.SIGNING_ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(jose.CLIENT_ALGORITHMS),
        "code_challenge_methods_supported": list(rfc7636.METHODS),
        "authorization_response_iss_parameter_supported": True,
        "claims_supported": ["iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", *claims],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
        "require_pushed_authorization_requests": False,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "acr_values_supported": list(acr.LEVELS),
        "prompt_values_supported": list(PROMPTS),
        "display_values_supported": list(DISPLAYS),
        "ui_locales_supported": list(LOCALES),
        "claims_locales_supported": list(LOCALES),
    }
