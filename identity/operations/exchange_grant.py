"""Token exchange: a service calls the next one on behalf of its person, along an edge that was registered (§2.18)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from identity.context import Identity
from identity.errors import InvalidGrant, InvalidScope, InvalidTarget
from identity.events import Event
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.client_store import KnownClient
from identity.models.exchange_edge import ExchangeEdge
from identity.models.finders import PERSONS, subject_of
from identity.models.grant import AccessToken, Grant
from identity.models.person import PersonState
from identity.operations import representation
from identity.operations.issuing import Asked, Reply, TokenWish, jwt_access_token, next_actor, token_type
from identity.standards import assistance, jose, oidc_claims, rfc8693, rfc9068
from identity.standards.rfc6749 import parse_scope
from shared.crypto import sha256_hex
from shared.transaction import Transaction

TOKENS, GRANTS, CLIENTS, EDGES = table_of(AccessToken), table_of(Grant), table_of(Client), table_of(ExchangeEdge)
LIFE = timedelta(seconds=300)
COPIED = ("auth_time", "acr", "amr", "authorization_details", assistance.PROOF_CLAIM, assistance.CLAIM, "consent")
"""What a token says about how the person is there: copied, never raised (TX-4)."""


@dataclass(frozen=True)
class Subject:
    """The token that is exchanged: whose it is, what it says, until when, and on which mandate; `is_apart` from private use (RP-8)."""

    grant_id: UUID
    person_id: UUID
    audience: str
    scopes: tuple[str, ...]
    cnf: dict[str, str] | None
    claims: dict[str, object]
    expires_at: datetime
    mandate_id: UUID | None
    powers: tuple[str, ...]
    is_apart: bool


def exchange(identity: Identity, tx: Transaction, asked: Asked) -> Reply:
    """Give a token for the next service; its person stays the subject, the client is the actor (TX-1…TX-8).

    Raises: OAuthInvalidRequest, InvalidGrant, InvalidTarget, InvalidScope.
    """
    client, parameters = asked.client, asked.parameters
    token, target = rfc8693.check_kinds(parameters), rfc8693.target_of(parameters)
    subject = _subject(identity, tx, asked, token)
    allowed = _edge(tx, client, subject.audience, target)
    scopes = _scopes(parse_scope(parameters.get("scope")), subject.scopes, allowed)
    act = rfc8693.act_for({"sub": client.client_id, "iss": identity.settings.issuer}, subject.claims.get("act"))
    more: dict[str, object] = {name: subject.claims[name] for name in COPIED if name in subject.claims}
    more |= {"act": act, **({"cnf": asked.cnf} if asked.cnf else {}), **next_actor(identity, tx, target)}
    now = identity.clock.now()
    expires_at = min(subject.expires_at, now + LIFE)
    more["exp"] = int(expires_at.timestamp())
    sector = _sector(tx, target)
    reader = representation.Reader(sector, client.scopes)
    whom = representation.claim(identity, tx.connection, reader, subject.mandate_id, subject.powers)
    more |= {oidc_claims.REPRESENTS_CLAIM: whom} if whom is not None else {}
    if subject.is_apart:
        sector = representation.sector_apart(identity, tx.connection, sector, subject.mandate_id)
    sub = subject_of(tx.connection, identity.pairwise_key, subject.person_id, sector)
    jti = identity.ids.token(16)
    made = jwt_access_token(identity, client, TokenWish(target, sub, scopes, jti, more), tx)
    row = {"token_hash": sha256_hex(made), "grant_id": subject.grant_id, "scopes": list(scopes), "audience": target, "cnf": asked.cnf}
    tx.connection.execute(TOKENS.insert().values(row | {"act": act, "created_at": now, "expires_at": expires_at}))
    chain = _chain(act)
    data: dict[str, str | int | bool | list[str]] = {"audience": target, "scopes": list(scopes), "actors": chain, "jti": jti}
    tx.record(Event.TOKEN_EXCHANGED, actor=f"client:{client.client_id}", subject=f"pairwise:{sub}", object_id=client.client_id, data=data)
    seconds = int((expires_at - now).total_seconds())
    reply: Reply = {"access_token": made, "issued_token_type": rfc8693.ACCESS_TOKEN, "token_type": token_type(asked)}
    return reply | {"expires_in": seconds, "scope": " ".join(scopes)}


def _subject(identity: Identity, tx: Transaction, asked: Asked, token: str) -> Subject:
    """Return a token about a person that is addressed to the caller and alive; one that names who may act must name it (TX-5, TX-6).

    Raises: InvalidGrant.
    """
    joined = TOKENS.join(GRANTS, TOKENS.c.grant_id == GRANTS.c.id).join(PERSONS, GRANTS.c.person_id == PERSONS.c.id)
    joined = joined.join(CLIENTS, GRANTS.c.client_id == CLIENTS.c.id)
    alive = (GRANTS.c.revoked_at.is_(None), PERSONS.c.state == PersonState.ACTIVE, CLIENTS.c.state == "active")
    mine = (
        TOKENS.c.token_hash == sha256_hex(token),
        TOKENS.c.expires_at > identity.clock.now(),
        TOKENS.c.audience.in_(asked.client.audiences),
    )
    columns = (TOKENS.c.grant_id, GRANTS.c.person_id, TOKENS.c.audience, TOKENS.c.scopes, TOKENS.c.cnf, TOKENS.c.expires_at)
    resting = (GRANTS.c.mandate_id, GRANTS.c.powers, GRANTS.c.subject_sector)
    row = tx.connection.execute(select(*columns, *resting).select_from(joined).where(*mine, *alive)).one_or_none()
    if row is None or not representation.still_counts(identity, tx.connection, row.mandate_id):
        raise InvalidGrant("the subject token is not valid here")
    identity.keys.prepare(tx.connection)
    try:
        claims = jose.verify(token, identity.keys.verifier, algorithms=jose.SIGNING_ALGORITHMS, types=(rfc9068.TYP,))
    except jose.InvalidToken:
        raise InvalidGrant("the subject token is not valid here") from None
    if not rfc8693.may_act(claims, client_id=asked.client.client_id, issuer=identity.settings.issuer):
        raise InvalidGrant("the subject token names another actor")
    if row.cnf is not None and asked.cnf is None:
        raise InvalidGrant("the subject token is bound: show a key of your own")
    return Subject(
        row.grant_id,
        row.person_id,
        row.audience,
        tuple(row.scopes),
        row.cnf,
        claims,
        row.expires_at,
        row.mandate_id,
        tuple(row.powers or ()),
        row.subject_sector is not None,
    )


def _edge(tx: Transaction, client: KnownClient, source: str, target: str) -> frozenset[str]:
    """Return the scopes of a registered edge.  Raises: InvalidTarget."""
    mine = (EDGES.c.client_id == client.id, EDGES.c.from_audience == source, EDGES.c.to_audience == target)
    scopes = tx.connection.execute(select(EDGES.c.scopes).where(*mine)).scalar_one_or_none()
    if scopes is None:
        raise InvalidTarget("this client may not go on to that service")
    return frozenset(scopes)


def _scopes(asked: tuple[str, ...], held: tuple[str, ...], allowed: frozenset[str]) -> tuple[str, ...]:
    """Return what is asked, within what the subject token has and the edge allows (TX-4).  Raises: InvalidScope."""
    most = tuple(scope for scope in held if scope in allowed)
    beyond = [scope for scope in asked if scope not in most]
    if beyond or not most:
        raise InvalidScope("beyond the subject token or the edge" + (f": {beyond[0]}" if beyond else ""))
    return asked or most


def _sector(tx: Transaction, audience: str) -> str:
    """Return the sector of the service that an audience belongs to (TX-7).  Raises: InvalidTarget."""
    query = select(CLIENTS.c.sector).where(CLIENTS.c.audiences.contains([audience]), CLIENTS.c.state == "active")
    sectors = set(tx.connection.execute(query).scalars())
    if len(sectors) != 1:
        raise InvalidTarget("that service is not registered with one sector")
    return str(sectors.pop())


def _chain(act: dict[str, object]) -> list[str]:
    found: list[str] = []
    inner: object = act
    while isinstance(inner, dict):
        found.append(str(inner.get("sub")))
        inner = inner.get("act")
    return found
