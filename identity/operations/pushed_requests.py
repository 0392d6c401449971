"""Authorization requests that do not come through the browser as they are: pushed (PAR) or signed (JAR) (§2.12, §2.13)."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from identity.context import Identity
from identity.errors import InvalidDpopProof, InvalidRequestObject, InvalidRequestUri, OAuthInvalidRequest, RequestNotSupported
from identity.events import Event
from identity.models.base import table_of
from identity.models.client import PolicyName
from identity.models.client_store import KnownClient
from identity.models.grant import PushedRequest
from identity.operations.authorization_requests import AuthorizationRequest, find_client, from_json, read_request, read_return_address
from identity.operations.calls import Call
from identity.operations.client_authentication import authenticate, find_key, use_assertion
from identity.operations.held_keys import read_held_key, use_proof
from identity.standards import jose, rfc9101
from identity.standards.rfc6749 import Parameters, read_parameters
from shared.crypto import sha256_hex
from shared.transaction import Transaction

PUSHED = table_of(PushedRequest)
URN = "urn:ietf:params:oauth:request_uri:"


def push(identity: Identity, call: Call) -> dict[str, object]:
    """Keep a request whose client has proved who it is, and return its `request_uri` (PA-1…PA-3).

    Every check of the authorization endpoint is made here.  Raises: OAuthError, UnknownRedirectUri.
    """
    authenticated = authenticate(identity, call)
    client, parameters = authenticated.client, call.parameters
    if parameters.get("request_uri") is not None:
        raise OAuthInvalidRequest("request_uri does not belong into a pushed request")
    held = read_held_key(identity, call, client, needed=False)
    opened = open_request_object(identity, client, _with_client(parameters, client))
    find_client(identity, opened)
    request = read_request(identity, read_return_address(client, opened), opened)
    jkt = held.jkt if held else None
    if jkt and request.dpop_jkt not in {None, jkt}:
        raise InvalidDpopProof("dpop_jkt is not the key of the proof")
    request = replace(request, dpop_jkt=jkt or request.dpop_jkt, signed=parameters.get("request") is not None)
    now, ttl, secret = identity.clock.now(), identity.settings.pushed_request_ttl_seconds, identity.ids.token(32)
    row = {"uri_hash": sha256_hex(secret), "client_id": client.id, "request": request.as_json(), "created_at": now}
    with identity.transaction() as tx:
        use_assertion(tx, authenticated)
        use_proof(tx, held.proof if held else None)
        tx.connection.execute(PUSHED.insert(), row | {"expires_at": now + timedelta(seconds=ttl)})
        data = {"scopes": list(request.scopes)}
        tx.record(Event.REQUEST_PUSHED, actor=f"client:{client.client_id}", object_id=client.client_id, data=data)
    return {"request_uri": URN + secret, "expires_in": ttl}


def _with_client(parameters: Parameters, client: KnownClient) -> Parameters:
    """Return the parameters with the client that was proved, which need not be named in the body."""
    return replace(parameters, one={**parameters.one, "client_id": client.client_id})


def find_pushed(identity: Identity, client: KnownClient, request_uri: str) -> AuthorizationRequest:
    """Return a request that this client pushed; looking does not use it up (PA-6, PA-7).  Raises: InvalidRequestUri."""
    digest = sha256_hex(request_uri.removeprefix(URN))
    alive = (PUSHED.c.client_id == client.id, PUSHED.c.used_at.is_(None), PUSHED.c.expires_at > identity.clock.now())
    with identity.reading() as tx:
        stored = tx.connection.execute(select(PUSHED.c.request).where(PUSHED.c.uri_hash == digest, *alive)).scalar_one_or_none()
    if stored is None or not request_uri.startswith(URN):
        raise InvalidRequestUri("the request_uri is unknown, was used, or has expired")
    return replace(from_json(stored), pushed=digest)


def use_pushed(identity: Identity, tx: Transaction, request: AuthorizationRequest) -> None:
    """Use a pushed request up, by one conditional UPDATE, at the moment its person has finished (PA-7).  Raises: InvalidRequestUri."""
    if request.pushed is None:
        return
    unused = (PUSHED.c.uri_hash == request.pushed, PUSHED.c.used_at.is_(None))
    taken = tx.connection.execute(update(PUSHED).where(*unused).values(used_at=identity.clock.now()))
    if taken.rowcount != 1:
        raise InvalidRequestUri("the request_uri was used before")


def open_request_object(identity: Identity, client: KnownClient, parameters: Parameters) -> Parameters:
    """Return the parameters of a signed request, and only those; without one, what was given.

    Raises: RequestNotSupported, InvalidRequestObject.
    """
    text = parameters.get("request")
    if text is None:
        return parameters
    alg = client.request_object_alg
    if alg is None:
        raise RequestNotSupported("this client has not registered request objects")
    try:
        claims = jose.verify(text, lambda header: find_key(identity, client, header), algorithms=jose.names_of(alg), types=rfc9101.TYPES)
    except jose.InvalidToken as error:
        raise InvalidRequestObject(f"the request object was refused: {error}") from None
    rfc9101.check_claims(
        claims,
        client_id=client.client_id,
        issuer=identity.settings.issuer,
        now=identity.clock.now().timestamp(),
        needs_not_before=client.policy_name == PolicyName.FAPI2,
    )
    return read_parameters(rfc9101.parameters_of(claims))
