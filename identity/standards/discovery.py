"""One table of endpoints, from which the router and the discovery document are made.

Spec: OpenID Connect Discovery 1.0 §3, RFC 8414, identity-oidc §2.1, §2.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from identity.standards import acr, ciba, identity_assurance, jose, oidc_claims, rfc7636, rfc8628, rfc8693, rfc9396, yes_no
from shared import dpop


@dataclass(frozen=True)
class Endpoint:
    """An address under the issuer: its member in the document, its path, methods, and whether other origins may read it."""

    member: str
    path: str
    methods: tuple[str, ...]
    cors: bool


AUTHORIZE = Endpoint("authorization_endpoint", "/authorize", ("GET", "POST"), cors=False)
PAR = Endpoint("pushed_authorization_request_endpoint", "/par", ("POST",), cors=True)
TOKEN = Endpoint("token_endpoint", "/token", ("POST",), cors=True)
USERINFO = Endpoint("userinfo_endpoint", "/userinfo", ("GET", "POST"), cors=True)
JWKS = Endpoint("jwks_uri", "/jwks", ("GET",), cors=True)
INTROSPECT = Endpoint("introspection_endpoint", "/introspect", ("POST",), cors=False)
REVOKE = Endpoint("revocation_endpoint", "/revoke", ("POST",), cors=True)
DEVICE_AUTHORIZATION = Endpoint("device_authorization_endpoint", "/device_authorization", ("POST",), cors=False)
BACKCHANNEL = Endpoint("backchannel_authentication_endpoint", "/bc-authorize", ("POST",), cors=False)
REGISTER = Endpoint("registration_endpoint", "/register", ("POST",), cors=False)
END_SESSION = Endpoint("end_session_endpoint", "/end-session", ("GET", "POST"), cors=False)
CHECK_SESSION = Endpoint("check_session_iframe", "/check-session", ("GET",), cors=False)
"""Served, and in the document, only where session management is on (LO-11)."""
ENDPOINTS = (AUTHORIZE, PAR, TOKEN, USERINFO, JWKS, INTROSPECT, REVOKE, DEVICE_AUTHORIZATION, BACKCHANNEL, REGISTER, END_SESSION)
MTLS_ENDPOINTS = (PAR, TOKEN, USERINFO, INTROSPECT, REVOKE)
"""Those that have an address of their own where the edge asks for a client certificate (RFC 8705 §5)."""

OIDC_PATH = "/.well-known/openid-configuration"
RFC8414_PATH = "/.well-known/oauth-authorization-server"
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
MTLS_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
AUTH_METHODS = (*SECRET_METHODS, "private_key_jwt", "none")
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials", rfc8693.GRANT_TYPE, rfc8628.GRANT_TYPE, ciba.GRANT_TYPE)
SIGNED_MODES = ("jwt", "query.jwt", "form_post.jwt")
RESPONSE_MODES = ("query", "form_post", *SIGNED_MODES)
"""The first is the default; `jwt` is `query.jwt`, since there is no other response type than `code`."""
PROMPTS = ("none", "login", "consent", "select_account")
DISPLAYS = ("page", "popup")
LOCALES = ("es-CL", "en")


def metadata(
    issuer: str, *, mtls_issuer: str | None = None, frontchannel_logout: bool = False, session_management: bool = False
) -> Mapping[str, object]:
    """Return the discovery document of an issuer (DI-1…DI-10).  Only what is served stands in it.

    `mtls_issuer` is the issuer's address behind the edge that asks for client certificates, where there is one.
    """
    return {
        "issuer": issuer,
        **{endpoint.member: issuer + endpoint.path for endpoint in ENDPOINTS},
        "scopes_supported": [*oidc_claims.SCOPES, "offline_access"],
        **_requests(),
        **_authentication(mtls_issuer),
        **_algorithms(),
        **_persons(),
        **_through_the_browser(issuer, frontchannel_logout=frontchannel_logout, session_management=session_management),
    }


def _through_the_browser(issuer: str, *, frontchannel_logout: bool, session_management: bool) -> dict[str, object]:
    """What needs cookies in frames of other sites, and is off unless the operator wants it (LO-11)."""
    made: dict[str, object] = {}
    if frontchannel_logout:
        made |= {"frontchannel_logout_supported": True, "frontchannel_logout_session_supported": True}
    if session_management:
        made[CHECK_SESSION.member] = issuer + CHECK_SESSION.path
    return made


def _requests() -> dict[str, object]:
    """What an authorization request may look like, and how it is answered."""
    return {
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["pairwise"],
        "code_challenge_methods_supported": list(rfc7636.METHODS),
        "authorization_response_iss_parameter_supported": True,
        "authorization_details_types_supported": list(rfc9396.TYPES),
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
        "require_pushed_authorization_requests": False,
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_authentication_request_signing_alg_values_supported": list(jose.STRICT_ALGORITHMS),
        "backchannel_user_code_parameter_supported": False,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "prompt_values_supported": list(PROMPTS),
        "display_values_supported": list(DISPLAYS),
        "ui_locales_supported": list(LOCALES),
        "claims_locales_supported": list(LOCALES),
    }


def _authentication(mtls_issuer: str | None) -> dict[str, object]:
    """How clients prove who they are, at each endpoint that asks them."""
    methods = [*AUTH_METHODS, *(MTLS_METHODS if mtls_issuer else ())]
    with_proof = [method for method in methods if method != "none"]
    made: dict[str, object] = {}
    for place, taken in (("token", methods), ("introspection", with_proof), ("revocation", methods)):
        made[f"{place}_endpoint_auth_methods_supported"] = taken
        made[f"{place}_endpoint_auth_signing_alg_values_supported"] = list(jose.CLIENT_ALGORITHMS)
    if mtls_issuer:
        made["tls_client_certificate_bound_access_tokens"] = True
        made["mtls_endpoint_aliases"] = {endpoint.member: mtls_issuer + endpoint.path for endpoint in MTLS_ENDPOINTS}
    return made


def _algorithms() -> dict[str, object]:
    return {
        "id_token_signing_alg_values_supported": list(jose.SIGNING_ALGORITHMS),
        "id_token_encryption_alg_values_supported": list(jose.ENCRYPTION_ALGORITHMS),
        "id_token_encryption_enc_values_supported": [jose.CONTENT_ENCRYPTION],
        "authorization_signing_alg_values_supported": list(jose.SIGNING_ALGORITHMS),
        "userinfo_signing_alg_values_supported": list(jose.SIGNING_ALGORITHMS),
        "introspection_signing_alg_values_supported": list(jose.SIGNING_ALGORITHMS),
        "request_object_signing_alg_values_supported": list(jose.CLIENT_ALGORITHMS),
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
    }


def _persons() -> dict[str, object]:
    claims = oidc_claims.released_names(oidc_claims.SCOPES)
    return {
        "claims_supported": [
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "acr",
            "amr",
            *claims,
            *(claim for claim in yes_no.AGE_CLAIMS if claim not in claims),
        ],
        "claim_types_supported": ["normal"],
        **identity_assurance.metadata(),
        "acr_values_supported": list(acr.LEVELS),
    }
