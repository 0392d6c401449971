"""`client_credentials`: a machine's own token, for one audience (TK-8, TK-9).  A hot path."""

from identity.context import Identity
from identity.errors import InvalidScope, InvalidTarget
from identity.events import Event
from identity.models.client_store import KnownClient
from identity.operations.issuing import Asked, Data, Reply, TokenWish, jwt_access_token, token_type
from identity.standards import rfc9396
from identity.standards.rfc6749 import parse_scope
from shared.transaction import Transaction


def give_machine_token(identity: Identity, tx: Transaction, asked: Asked) -> Reply:
    """Give a machine a token of its own.  Raises: InvalidScope, InvalidTarget, InvalidAuthorizationDetails."""
    client, parameters = asked.client, asked.parameters
    audience = _audience(client, (*parameters.all("resource"), *parameters.all("audience")))
    scopes = _scopes(client, parse_scope(parameters.get("scope")))
    details = rfc9396.parse(parameters.get("authorization_details"), allowed=client.authorization_details_types)
    more: dict[str, object] = {"cnf": asked.cnf} if asked.cnf else {}
    if details:
        more["authorization_details"] = details
    jti = identity.ids.token(16)
    token = jwt_access_token(identity, client, TokenWish(audience, client.client_id, scopes, jti, more), tx)
    data: Data = {"audience": audience, "scopes": list(scopes), "jti": jti}
    tx.record(Event.TOKEN_ISSUED, actor=f"client:{client.client_id}", object_id=client.client_id, data=data)
    ttl = identity.settings.access_token_ttl_seconds
    reply: Reply = {"access_token": token, "token_type": token_type(asked), "expires_in": ttl, "scope": " ".join(scopes)}
    return reply | ({"authorization_details": details} if details else {})


def _audience(client: KnownClient, named: tuple[str, ...]) -> str:
    asked = tuple(dict.fromkeys(named)) or client.resources
    if len(asked) != 1:
        raise InvalidTarget("name one resource")
    if asked[0] not in client.resources:
        raise InvalidTarget("not a resource of this client")
    return asked[0]


def _scopes(client: KnownClient, asked: tuple[str, ...]) -> tuple[str, ...]:
    refused = [scope for scope in asked if scope not in client.scopes]
    if refused:
        raise InvalidScope(f"not granted to this client: {refused[0]}")
    return asked or tuple(sorted(client.scopes))
