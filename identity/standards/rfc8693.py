"""Token exchange: what a request names, and chains of actors.  Spec: RFC 8693, identity-oidc §2.18."""

from collections.abc import Mapping

from identity.errors import InvalidTarget, OAuthInvalidRequest
from identity.standards.rfc6749 import Parameters

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name of a kind of token
JWT = "urn:ietf:params:oauth:token-type:jwt"
KINDS = (ACCESS_TOKEN, JWT)
DEPTH_MAX = 3


def check_kinds(parameters: Parameters) -> str:
    """Return the subject token of a request whose kinds are ours (TX-1).  Raises: OAuthInvalidRequest."""
    token, kind = parameters.get("subject_token"), parameters.get("subject_token_type")
    if token is None or kind is None:
        raise OAuthInvalidRequest("subject_token and subject_token_type are needed")
    if kind not in KINDS:
        raise OAuthInvalidRequest("subject_token_type is not taken")
    if parameters.get("requested_token_type") not in {None, *KINDS}:
        raise OAuthInvalidRequest("requested_token_type is not given")
    has_actor, has_kind = parameters.get("actor_token") is not None, parameters.get("actor_token_type") is not None
    if has_actor != has_kind:
        raise OAuthInvalidRequest("actor_token and actor_token_type go together")
    if has_actor:
        raise OAuthInvalidRequest("actor_token is not taken: the client itself is the actor")
    return token


def target_of(parameters: Parameters) -> str:
    """Return the one audience that is asked for.  Raises: InvalidTarget."""
    named = tuple(dict.fromkeys((*parameters.all("audience"), *parameters.all("resource"))))
    if len(named) != 1:
        raise InvalidTarget("name one audience or resource")
    return named[0]


def may_act(claims: Mapping[str, object], *, client_id: str, issuer: str) -> bool:
    """Answer whether a subject token lets a client act: one that says who may must name it (TX-6).  Spec: RFC 8693 §4.4."""
    if "may_act" not in claims:
        return True
    named = claims["may_act"]
    return isinstance(named, dict) and named.get("sub") == client_id and named.get("iss", issuer) == issuer


def act_for(actor: Mapping[str, object], before: object) -> dict[str, object]:
    """Return the `act` of a new token: the present actor outside, the older ones inside (TX-3).  Raises: InvalidTarget."""
    chain, depth = {**actor, **({"act": before} if isinstance(before, dict) else {})}, 1
    inner: object = chain.get("act")
    while isinstance(inner, dict):
        depth, inner = depth + 1, inner.get("act")
    if depth > DEPTH_MAX:
        raise InvalidTarget(f"a chain of actors has at most {DEPTH_MAX}")
    return chain
