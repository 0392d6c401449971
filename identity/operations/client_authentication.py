"""Find out which client calls, by exactly the one method it registered (CA-1…CA-9)."""

from dataclasses import dataclass

from joserfc.jwk import Key

from identity.context import Identity
from identity.errors import InvalidClient, OAuthInvalidRequest
from identity.models.client_store import KnownClient
from identity.standards import discovery, jose, rfc7523
from identity.standards.rfc6749 import Parameters, parse_basic
from identity.standards.rfc7523 import Assertion
from shared.crypto import constant_time_equal, sha256_hex

NOBODY = sha256_hex("no client has this secret")


@dataclass(frozen=True)
class Authenticated:
    """A client that proved who it is; `assertion` must still be remembered, in the transaction that answers."""

    client: KnownClient
    assertion: Assertion | None = None


def authenticate(identity: Identity, parameters: Parameters, authorization: str | None) -> Authenticated:
    """Return the client.  Raises: InvalidClient (with a Basic challenge when Basic was used), OAuthInvalidRequest for two methods."""
    assertion, secret = parameters.get("client_assertion"), parameters.get("client_secret")
    if sum(bool(way) for way in (authorization, assertion, secret)) > 1:
        raise OAuthInvalidRequest("more than one way of client authentication")
    if authorization:
        return _by_basic(identity, parameters, authorization)
    if assertion or parameters.get("client_assertion_type"):
        return _by_assertion(identity, parameters, assertion)
    client_id = parameters.get("client_id")
    if client_id is None:
        raise InvalidClient("no client authentication")
    client = identity.clients.find(client_id)
    if secret is not None:
        return Authenticated(_check_secret(identity, client, secret, "client_secret_post"))
    if client is None or client.auth_method != "none":
        raise InvalidClient("client authentication failed")
    return Authenticated(client)


def _by_basic(identity: Identity, parameters: Parameters, authorization: str) -> Authenticated:
    try:
        client_id, secret = parse_basic(authorization)
        if parameters.get("client_id") not in {None, client_id}:
            raise InvalidClient("client_id differs from the Authorization header")
        return Authenticated(_check_secret(identity, identity.clients.find(client_id), secret, "client_secret_basic"))
    except InvalidClient as error:
        error.headers["WWW-Authenticate"] = 'Basic realm="token"'
        raise


def _check_secret(identity: Identity, client: KnownClient | None, secret: str, method: str) -> KnownClient:
    """Compare with every live secret; an unknown client costs the same (TK-2).

    A client that registered one of the two ways to send its secret may use the other.  Raises: InvalidClient.
    """
    digest, now = sha256_hex(secret), identity.clock.now()
    live = [known.secret_hash for known in (client.secrets if client else ()) if known.expires_at is None or known.expires_at > now]
    fits = [constant_time_equal(digest, known) for known in (*live, NOBODY)]
    if client is None or not any(fits) or client.auth_method not in discovery.SECRET_METHODS or method not in client.policy.auth_methods:
        raise InvalidClient("client authentication failed")
    return client


def _by_assertion(identity: Identity, parameters: Parameters, assertion: str | None) -> Authenticated:
    if parameters.get("client_assertion_type") != rfc7523.ASSERTION_TYPE:
        raise OAuthInvalidRequest("client_assertion_type is not known")
    if assertion is None:
        raise OAuthInvalidRequest("client_assertion is missing")
    try:
        named = jose.read_unverified(assertion, "sub")
    except jose.InvalidToken:
        raise InvalidClient("the assertion is malformed") from None
    if not isinstance(named, str) or "\x00" in named or parameters.get("client_id") not in {None, named}:
        raise InvalidClient("the assertion is not this client's")
    client = identity.clients.find(named)
    if client is None or client.auth_method != "private_key_jwt" or client.auth_alg is None:
        raise InvalidClient("client authentication failed")
    return Authenticated(client, _check_assertion(identity, client, client.auth_alg, assertion))


def _check_assertion(identity: Identity, client: KnownClient, alg: str, assertion: str) -> Assertion:
    """Verify with the registered algorithm and keys; nothing in the header chooses them but `kid` (CA-6)."""

    def find_key(header: jose.Header) -> Key | None:
        if header.kid is None and len(client.keys) == 1:
            return next(iter(client.keys.values()))
        return client.keys.get(header.kid or "")

    try:
        claims = jose.verify(assertion, find_key, algorithms=(alg,), types=("", "jwt", "client-authentication+jwt"))
    except jose.InvalidToken as error:
        raise InvalidClient(f"the assertion was refused: {error}") from None
    issuer = identity.settings.issuer
    strict = client.policy.issuer_audience_only
    accepted = (issuer,) if strict else (issuer, issuer + discovery.TOKEN.path)
    now = identity.clock.now().timestamp()
    return rfc7523.check_assertion(claims, client_id=client.client_id, accepted=accepted, one_string=strict, now=now)
