"""Backchannel authentication requests.  Spec: OpenID Connect CIBA Core 1.0 §7, FAPI-CIBA, identity-oidc §2.20."""

from collections.abc import Mapping

from identity.errors import InvalidRequestObject, OAuthInvalidRequest
from identity.standards.remote_refusals import InvalidBindingMessage
from identity.standards.rfc6749 import Parameters

GRANT_TYPE = "urn:openid:params:grant-type:ciba"
HINTS = ("login_hint", "login_hint_token", "id_token_hint")
NEEDED = ("iss", "aud", "exp", "iat", "nbf", "jti")
BINDING_LENGTH_MAX = 60
EXPIRY_SECONDS, EXPIRY_SECONDS_MAX, INTERVAL_SECONDS = 120, 600, 5
TOKEN_LENGTH_MAX = 1024


def check_object(claims: Mapping[str, object]) -> str:
    """Return the `jti` of a signed request that has all it needs (CB-1).  Raises: InvalidRequestObject."""
    missing = [name for name in NEEDED if claims.get(name) is None]
    if missing:
        raise InvalidRequestObject(f"the signed request lacks {missing[0]}")
    jti = claims["jti"]
    if not isinstance(jti, str) or not 1 <= len(jti) <= 256:
        raise InvalidRequestObject("jti of the signed request is no text")
    return jti


def the_hint(parameters: Parameters) -> tuple[str, str]:
    """Return the one hint at a person, by name and value (CB-2).  Raises: OAuthInvalidRequest."""
    given = [(name, value) for name in HINTS if (value := parameters.get(name))]
    if len(given) != 1:
        raise OAuthInvalidRequest("exactly one hint at the person is needed")
    if given[0][0] == "login_hint_token":
        raise OAuthInvalidRequest("login_hint_token is not taken: send login_hint")
    return given[0]


def binding_message(parameters: Parameters) -> str | None:
    """Return the words that both sides see (CB-3).  Raises: InvalidBindingMessage."""
    text = parameters.get("binding_message")
    if text is not None and (len(text) > BINDING_LENGTH_MAX or not text.isprintable()):
        raise InvalidBindingMessage("at most 60 printable characters")
    return text


def expiry_seconds(parameters: Parameters) -> int:
    """Return how long the person has, capped (CB-3).  Raises: OAuthInvalidRequest."""
    text = parameters.get("requested_expiry")
    if text is None:
        return EXPIRY_SECONDS
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise OAuthInvalidRequest("requested_expiry is not a number of seconds")
    return min(int(text), EXPIRY_SECONDS_MAX)


def notification_token(parameters: Parameters) -> str:
    """Return the bearer token for the ping.  Raises: OAuthInvalidRequest."""
    token = parameters.get("client_notification_token")
    if token is None or len(token) > TOKEN_LENGTH_MAX or not token.isascii() or not token.isprintable() or " " in token:
        raise OAuthInvalidRequest("client_notification_token is needed by clients that are pinged")
    return token
