"""Find out which client calls, by exactly the one method it registered (CA-1…CA-10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.x509 import Certificate
from joserfc.jwk import Key
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.errors import InvalidClient, OAuthInvalidRequest
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.grant import UsedAssertion
from identity.operations.calls import Call, refuse_crowd
from identity.standards import discovery, jose, rfc7523, rfc8705
from identity.standards.rfc6749 import Parameters, parse_basic
from identity.standards.rfc7523 import Assertion
from shared.certificates import is_valid_at
from shared.crypto import constant_time_equal, sha256_hex
from shared.transaction import Transaction

NOBODY = sha256_hex("no client has this secret")
NOT_KNOWN = "there is no such client, or it is blocked, or its time is over"
USED = table_of(UsedAssertion)
_REMEMBER = insert(USED).on_conflict_do_nothing().returning(USED.c.jti_hash)  # made once: this is the hot path
REMEMBERED_LONGER = timedelta(seconds=60)


@dataclass(frozen=True)
class Authenticated:
    """A client that proved who it is; `assertion` must still be remembered, in the transaction that answers."""

    client: KnownClient
    assertion: Assertion | None = None


def authenticate(identity: Identity, call: Call) -> Authenticated:
    """Return the client, and count its call: only one that proved who it is, or strangers could use its calls up (HT-10).

    Raises: OAuthInvalidRequest for a parameter twice or for two methods; InvalidClient, with a Basic challenge when Basic was used;
    TooManyRequests.
    """
    authenticated = _authenticate(identity, call)
    client = authenticated.client
    if client.auth_method != "none":
        refuse_crowd(identity, f"client|{client.client_id}", identity.settings.calls_per_client)
    return authenticated


def _authenticate(identity: Identity, call: Call) -> Authenticated:
    parameters = call.parameters
    parameters.refuse_repeated()
    assertion, secret = parameters.get("client_assertion"), parameters.get("client_secret")
    if sum(bool(way) for way in (call.authorization, assertion, secret)) > 1:
        raise OAuthInvalidRequest("more than one way of client authentication")
    if call.authorization:
        return _by_basic(identity, parameters, call.authorization)
    if assertion or parameters.get("client_assertion_type"):
        return _by_assertion(identity, call, assertion)
    client_id = parameters.get("client_id")
    if client_id is None:
        raise InvalidClient("no client authentication")
    client = identity.clients.find(client_id)
    if secret is not None:
        return Authenticated(_check_secret(identity, client, secret, "client_secret_post"))
    if client is not None and client.auth_method in discovery.MTLS_METHODS:
        return Authenticated(_check_certificate(identity, client, call.certificate))
    if client is None or client.auth_method != "none":
        raise InvalidClient("client authentication failed").because(_registered(client) or NOT_KNOWN)
    return Authenticated(client)


def use_assertion(tx: Transaction, authenticated: Authenticated) -> None:
    """Remember the assertion's jti; the second use finds it there (CA-4).  Raises: InvalidClient."""
    assertion = authenticated.assertion
    if assertion is None:
        return
    expires_at = datetime.fromtimestamp(assertion.expires_at, UTC) + REMEMBERED_LONGER
    row = {"client_id": authenticated.client.id, "jti_hash": sha256_hex(assertion.jti), "expires_at": expires_at}
    if tx.connection.execute(_REMEMBER, row).first() is None:
        raise InvalidClient("the assertion was used before")


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
        by_key = client is not None and client.auth_method not in discovery.SECRET_METHODS
        why = NOT_KNOWN if client is None else _registered(client) if by_key else "the secret is none of this client's, or it has ended"
        raise InvalidClient("client authentication failed").because(why)
    return client


def _registered(client: KnownClient | None) -> str:
    """Say how a client has to prove itself, for the sandbox's inspector."""
    return f"this client is registered with token_endpoint_auth_method {client.auth_method}" if client else ""


def _check_certificate(identity: Identity, client: KnownClient, certificate: Certificate | None) -> KnownClient:
    """Compare the certificate that the edge saw with what the client registered.  Raises: InvalidClient."""
    if certificate is None or not is_valid_at(certificate, identity.clock.now()):
        raise InvalidClient("a client certificate that is valid now is needed")
    if client.auth_method == "tls_client_auth":
        fits = client.tls_subject is not None and rfc8705.has_subject(certificate, *client.tls_subject)
    else:
        fits = rfc8705.has_key_of(certificate, client_keys(identity, client, None))
    if not fits:
        raise InvalidClient("the certificate is not this client's")
    return client


def _by_assertion(identity: Identity, call: Call, assertion: str | None) -> Authenticated:
    if call.parameters.get("client_assertion_type") != rfc7523.ASSERTION_TYPE:
        raise OAuthInvalidRequest("client_assertion_type is not known")
    if assertion is None:
        raise OAuthInvalidRequest("client_assertion is missing")
    try:
        named = jose.read_unverified(assertion, "sub")
    except jose.InvalidToken:
        raise InvalidClient("the assertion is malformed") from None
    if not isinstance(named, str) or not named.isascii() or "\x00" in named or call.parameters.get("client_id") not in {None, named}:
        raise InvalidClient("the assertion is not this client's")
    client = identity.clients.find(named)
    if client is None or client.auth_method != "private_key_jwt" or client.auth_alg is None:
        raise InvalidClient("client authentication failed").because(_registered(client) or NOT_KNOWN)
    return Authenticated(client, _check_assertion(identity, client, client.auth_alg, call, assertion))


def _check_assertion(identity: Identity, client: KnownClient, alg: str, call: Call, assertion: str) -> Assertion:
    """Verify with the registered algorithm and keys; nothing in the header chooses them but `kid` (CA-6)."""
    types = ("", "jwt", "client-authentication+jwt")
    try:
        claims = jose.verify(assertion, lambda header: find_key(identity, client, header), algorithms=jose.names_of(alg), types=types)
    except jose.InvalidToken as error:
        raise InvalidClient(f"the assertion was refused: {error}") from None
    issuer = identity.settings.issuer
    strict = client.policy.issuer_audience_only
    accepted = (issuer,) if strict else (issuer, issuer + discovery.TOKEN.path, *call.uris)
    now = identity.clock.now().timestamp()
    return rfc7523.check_assertion(claims, client_id=client.client_id, accepted=accepted, one_string=strict, now=now)


def client_keys(identity: Identity, client: KnownClient, kid: str | None) -> Mapping[str, Key]:
    """Return a client's public keys: those it registered, or those of its own address (CA-7)."""
    return client.keys if client.jwks_uri is None else identity.client_keys.find(client.jwks_uri, kid)


def find_key(identity: Identity, client: KnownClient, header: jose.Header) -> Key | None:
    """Return the key of a client that a header names; without `kid` the only one there is."""
    keys = client_keys(identity, client, header.kid)
    if header.kid is None and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(header.kid or "")
