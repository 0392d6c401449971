"""The token endpoint: exchange a code, or give a machine its own token (TK-1…TK-10).  A hot path: Core, one commit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    OAuthInvalidRequest,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.finders import PERSONS, subject_of
from identity.models.grant import AccessToken, AuthorizationCode, Grant, UsedAssertion
from identity.models.key_store import StoredKey
from identity.models.person import PersonState
from identity.operations.client_authentication import Authenticated, authenticate
from identity.standards import jose, logout_tokens, oidc_core, rfc7636, rfc9068
from identity.standards.rfc6749 import Parameters, parse_scope
from shared.context import Transaction
from shared.crypto import sha256_hex

GRANTS, CODES, TOKENS = table_of(Grant), table_of(AuthorizationCode), table_of(AccessToken)
USED = table_of(UsedAssertion)
_REMEMBER = insert(USED).on_conflict_do_nothing().returning(USED.c.jti_hash)  # made once: this is the hot path
SIGNED_WITH = "ES256"
Reply = dict[str, object]


@dataclass(frozen=True)
class Redeemed:
    """A code that was just marked used (or what stands for one in another flow), the pairwise subject, and the grant behind it."""

    subject: str
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None
    grant_id: UUID
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    session_id: UUID
    extra: Mapping[str, object] = field(default_factory=dict)
    """Claims that this way of granting adds to the ID token."""


def give_token(identity: Identity, parameters: Parameters, authorization: str | None) -> Reply:
    """Answer a token request.  Raises: OAuthError, in the order of TK-1."""
    parameters.refuse_repeated()
    authenticated = authenticate(identity, parameters, authorization)
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise OAuthInvalidRequest("grant_type is missing")
    grant = GRANT_TYPES.get(grant_type)
    if grant is None:
        raise UnsupportedGrantType("grant_type is not offered")
    if grant_type not in authenticated.client.policy.grant_types:
        raise UnauthorizedClient("this client may not use that grant")
    return grant(identity, authenticated, parameters)


def give_machine_token(identity: Identity, authenticated: Authenticated, parameters: Parameters) -> Reply:
    """Give a machine a token of its own, for one audience (TK-8, TK-9).  Raises: InvalidClient, InvalidScope, InvalidTarget."""
    client = authenticated.client
    audience = _audience(client, (*parameters.all("resource"), *parameters.all("audience")))
    scopes = _machine_scopes(client, parse_scope(parameters.get("scope")))
    jti = identity.ids.token(16)
    token = _jwt_access_token(identity, client, TokenWish(audience, client.client_id, scopes, jti), identity.keys.signer(SIGNED_WITH))
    with identity.transaction() as tx:
        use_assertion(tx, authenticated)
        data: dict[str, str | int | bool | list[str]] = {"audience": audience, "scopes": list(scopes), "jti": jti}
        tx.record(Event.TOKEN_ISSUED, actor=f"client:{client.client_id}", object_id=client.client_id, data=data)
    ttl = identity.settings.access_token_ttl_seconds
    return {"access_token": token, "token_type": "Bearer", "expires_in": ttl, "scope": " ".join(scopes)}


def _audience(client: KnownClient, asked: tuple[str, ...]) -> str:
    named = tuple(dict.fromkeys(asked)) or client.resources
    if len(named) != 1:
        raise InvalidTarget("name one resource")
    if named[0] not in client.resources:
        raise InvalidTarget("not a resource of this client")
    return named[0]


def _machine_scopes(client: KnownClient, asked: tuple[str, ...]) -> tuple[str, ...]:
    refused = [scope for scope in asked if scope not in client.scopes]
    if refused:
        raise InvalidScope(f"not granted to this client: {refused[0]}")
    return asked or tuple(sorted(client.scopes))


@dataclass(frozen=True)
class TokenWish:
    """What a JWT access token says besides who issued it, and when; `person` says how the person signed in, if there is one."""

    audience: str
    subject: str
    scopes: tuple[str, ...]
    jti: str
    person: Mapping[str, object] = field(default_factory=dict)


def _jwt_access_token(identity: Identity, client: KnownClient, wish: TokenWish, signer: StoredKey) -> str:
    claims = rfc9068.access_token_claims(
        issuer=identity.settings.issuer,
        audience=wish.audience,
        subject=wish.subject,
        client_id=client.client_id,
        scopes=wish.scopes,
        issued_at=int(identity.clock.now().timestamp()),
        ttl_seconds=identity.settings.access_token_ttl_seconds,
        jti=wish.jti,
    )
    return jose.sign({**claims, **wish.person}, key=signer.key, alg=signer.alg, kid=signer.kid, typ=rfc9068.TYP)


def use_assertion(tx: Transaction, authenticated: Authenticated) -> None:
    """Remember the assertion's jti; the second use finds it there (CA-4).  Raises: InvalidClient."""
    assertion = authenticated.assertion
    if assertion is None:
        return
    expires_at = datetime.fromtimestamp(assertion.expires_at, UTC) + timedelta(seconds=60)
    row = {"client_id": authenticated.client.id, "jti_hash": sha256_hex(assertion.jti), "expires_at": expires_at}
    if tx.connection.execute(_REMEMBER, row).first() is None:
        raise InvalidClient("the assertion was used before")


def redeem_code(identity: Identity, authenticated: Authenticated, parameters: Parameters) -> Reply:
    """Exchange a code for tokens, once: a JWT for the resource that was named, else an opaque token for user info (§2.16).

    Raises: InvalidGrant, OAuthInvalidRequest, InvalidTarget.
    """
    code = parameters.get("code")
    if code is None:
        raise OAuthInvalidRequest("code is missing")
    with identity.transaction() as tx:
        use_assertion(tx, authenticated)
        try:
            return _redeem(identity, tx, authenticated.client, code, parameters)
        except OAuthError as error:
            refusal = error  # raised after the commit: what was used up or revoked stays so
            client_id = authenticated.client.client_id
            tx.record(Event.CODE_REFUSED, actor=f"client:{client_id}", outcome="refused", object_id=client_id, data={"error": error.code})
    raise refusal


def _redeem(identity: Identity, tx: Transaction, client: KnownClient, code: str, parameters: Parameters) -> Reply:
    row = _take_code(identity, tx, client, code)
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri != row.redirect_uri:
        raise InvalidGrant("redirect_uri is not the one of the request")
    rfc7636.check_verifier(row.code_challenge, parameters.get("code_verifier"))
    return reply_for(identity, tx, client, row, _code_resource(row, parameters.all("resource")))


def reply_for(identity: Identity, tx: Transaction, client: KnownClient, row: Redeemed, resource: str | None) -> Reply:
    """Make the tokens of a grant: a JWT for the resource, or an opaque token for user info; and the ID token (TK-6)."""
    access_token, ttl = _person_jwt(identity, tx, client, row, resource) if resource else _opaque_token(identity, tx, row)
    lower = client.claims_profile == "clave_unica" and client.lower_case_bearer
    reply: Reply = {"access_token": access_token, "token_type": "bearer" if lower else "Bearer", "expires_in": ttl}
    if "openid" in row.scopes:
        reply["id_token"] = _id_token(identity, tx, client, row, access_token)
    reply["scope"] = " ".join(row.scopes)
    data: dict[str, str | int | bool | list[str]] = {"scopes": list(row.scopes), "grant": str(row.grant_id)}
    tx.record(
        Event.TOKEN_ISSUED, actor=f"client:{client.client_id}", subject=f"pairwise:{row.subject}", object_id=client.client_id, data=data
    )
    return reply


def _take_code(identity: Identity, tx: Transaction, client: KnownClient, code: str) -> Redeemed:
    """Mark the code used by one conditional UPDATE: of parallel tries one finds it unused (TK-4).

    A try by the wrong client, or with a wrong verifier, uses it up as well (PK-6).  Raises: InvalidGrant.
    """
    now, digest = identity.clock.now(), sha256_hex(code)
    mine = select(GRANTS.c.id).where(GRANTS.c.client_id == client.id)
    taken = tx.connection.execute(
        update(CODES)
        .where(CODES.c.code_hash == digest, CODES.c.used_at.is_(None), CODES.c.expires_at > now, CODES.c.grant_id.in_(mine))
        .values(used_at=now)
    )
    if taken.rowcount != 1:
        _revoke_if_reused(identity, tx, client, digest)
        raise InvalidGrant("the code is not valid")
    joined = CODES.join(GRANTS, CODES.c.grant_id == GRANTS.c.id).join(PERSONS, GRANTS.c.person_id == PERSONS.c.id)
    columns = (CODES.c.redirect_uri, CODES.c.code_challenge, CODES.c.nonce, GRANTS.c.id.label("grant_id"), GRANTS.c.person_id)
    more = (GRANTS.c.scopes, GRANTS.c.resources, GRANTS.c.auth_time, GRANTS.c.acr, GRANTS.c.amr, GRANTS.c.session_id)
    query = select(*columns, *more).select_from(joined).where(CODES.c.code_hash == digest, GRANTS.c.revoked_at.is_(None))
    row = tx.connection.execute(query.where(PERSONS.c.state == PersonState.ACTIVE)).one_or_none()
    if row is None:
        raise InvalidGrant("the code is not valid")
    subject = subject_of(tx.connection, identity.pairwise_key, row.person_id, client.sector)
    return Redeemed(
        subject,
        row.redirect_uri,
        row.code_challenge,
        row.nonce,
        row.grant_id,
        tuple(row.scopes),
        tuple(row.resources),
        row.auth_time,
        row.acr,
        tuple(row.amr),
        row.session_id,
    )


def _revoke_if_reused(identity: Identity, tx: Transaction, client: KnownClient, digest: str) -> None:
    """Revoke the grant of a code that its own client presents again (TK-4)."""
    query = select(CODES.c.grant_id).join(GRANTS, GRANTS.c.id == CODES.c.grant_id)
    reused = tx.connection.execute(
        query.where(CODES.c.code_hash == digest, CODES.c.used_at.is_not(None), GRANTS.c.client_id == client.id)
    ).scalar_one_or_none()
    if reused is None:
        return
    tx.connection.execute(
        update(GRANTS).where(GRANTS.c.id == reused, GRANTS.c.revoked_at.is_(None)).values(revoked_at=identity.clock.now())
    )
    tx.record(Event.CODE_REUSED, actor=f"client:{client.client_id}", outcome="refused", object_id=str(reused))


def _code_resource(row: Redeemed, asked: tuple[str, ...]) -> str | None:
    granted = row.resources
    if asked and asked != granted:
        raise InvalidTarget("not the resource of the request")
    return granted[0] if granted else None


def _person_jwt(identity: Identity, tx: Transaction, client: KnownClient, row: Redeemed, resource: str) -> tuple[str, int]:
    signer = identity.keys.signer(SIGNED_WITH, tx.connection)
    person = rfc9068.person_claims(auth_time=int(row.auth_time.timestamp()), acr=row.acr, amr=row.amr)
    wish = TokenWish(resource, row.subject, row.scopes, identity.ids.token(16), person)
    return _jwt_access_token(identity, client, wish, signer), identity.settings.access_token_ttl_seconds


def _opaque_token(identity: Identity, tx: Transaction, row: Redeemed) -> tuple[str, int]:
    now, ttl = identity.clock.now(), identity.settings.opaque_token_ttl_seconds
    token = identity.ids.token(32)
    values = {"token_hash": sha256_hex(token), "grant_id": row.grant_id, "scopes": list(row.scopes), "created_at": now}
    tx.connection.execute(TOKENS.insert().values(values | {"expires_at": now + timedelta(seconds=ttl)}))
    return token, ttl


def _id_token(identity: Identity, tx: Transaction, client: KnownClient, row: Redeemed, access_token: str) -> str:
    signer = identity.keys.signer(client.id_token_alg, tx.connection)
    claims = oidc_core.id_token_claims(
        issuer=identity.settings.issuer,
        subject=row.subject,
        client_id=client.client_id,
        issued_at=int(identity.clock.now().timestamp()),
        ttl_seconds=identity.settings.id_token_ttl_seconds,
        nonce=row.nonce,
        auth_time=int(row.auth_time.timestamp()),
        acr=row.acr,
        amr=row.amr,
        access_token=access_token,
    )
    if client.backchannel_logout_uri or client.frontchannel_logout_uri:
        claims["sid"] = logout_tokens.sid_of(identity.pairwise_key, row.session_id, client.sector)
    claims |= row.extra
    return jose.sign(claims, key=signer.key, alg=signer.alg, kid=signer.kid)


GRANT_TYPES: Mapping[str, Callable[[Identity, Authenticated, Parameters], Reply]] = {
    "authorization_code": redeem_code,
    "client_credentials": give_machine_token,
}
