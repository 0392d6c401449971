"""Forms and answers of the OAuth endpoints, for OpenAPI; what they mean stands in the specifications that each names."""

from collections.abc import Mapping

Shape = Mapping[str, object]
FORM = "application/x-www-form-urlencoded"
_TEXT: Shape = {"type": "string"}
_PROOF = ("client_id", "client_secret", "client_assertion_type", "client_assertion")


def _form(*names: str, required: tuple[str, ...] = ()) -> Shape:
    return {"type": "object", "properties": dict.fromkeys(names, _TEXT), "required": list(required)}


REQUEST = (
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "prompt",
    "max_age",
    "acr_values",
    "vtr",
    "claims",
    "authorization_details",
    "resource",
    "id_token_hint",
    "login_hint",
    "ui_locales",
    "dpop_jkt",
    "request",
)
AUTHORIZATION = _form("client_id", "request_uri", *REQUEST, required=("client_id",))
PUSHED = _form(*_PROOF, *REQUEST)
TOKEN = _form(
    "grant_type",
    *_PROOF,
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "resource",
    "authorization_details",
    required=("grant_type",),
)
ONE_TOKEN = _form("token", "token_type_hint", *_PROOF, required=("token",))
SHOWN = _form("access_token")

PUSHED_ANSWER: Shape = {"type": "object", "properties": {"request_uri": _TEXT, "expires_in": {"type": "integer"}}}
TOKEN_ANSWER: Shape = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in"],
    "properties": {
        **dict.fromkeys(("access_token", "token_type", "id_token", "refresh_token", "scope"), _TEXT),
        "expires_in": {"type": "integer"},
        "authorization_details": {"type": "array", "items": {"type": "object"}},
    },
}
INTROSPECTION_ANSWER: Shape = {"type": "object", "required": ["active"], "properties": {"active": {"type": "boolean"}}}
CLAIMS: Shape = {"type": "object", "required": ["sub"], "properties": {"sub": _TEXT}}
REFUSED: Shape = {"type": "object", "required": ["error"], "properties": {"error": _TEXT, "error_description": _TEXT}}
REFUSALS: Mapping[int, Shape] = {400: REFUSED, 401: REFUSED}
PROOF_HEADERS = {"DPoP": "Proof of the key to which tokens are bound (RFC 9449)."}
