"""Make access and ID tokens from a grant, opaque or as JWT, bound to the client's key where one was shown (§2.7, §2.16)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select

from identity.context import Identity
from identity.errors import InvalidGrant
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.exchange_edge import find_actor
from identity.models.finders import PERSONS, SUBJECTS, find_active_facts, roles_of, subject_of
from identity.models.grant import AccessToken, Grant
from identity.models.person import PersonState
from identity.operations import faults, proofings, representation
from identity.operations.client_encryption import EncryptionKey
from identity.operations.held_keys import HeldKey
from identity.standards import (
    assistance,
    claims_request,
    grant_management,
    identity_assurance,
    jose,
    logout_tokens,
    oidc_claims,
    oidc_core,
    rfc9068,
    yes_no,
)
from identity.standards.rfc6749 import Parameters
from shared.crypto import sha256_hex
from shared.transaction import Transaction

GRANTS, TOKENS = table_of(Grant), table_of(AccessToken)
SIGNED_WITH = "ES256"
TRUST_PAGE = "/trust"
"""What the components of a vector of trust mean (`vtm`)."""
Reply = dict[str, object]
Data = dict[str, str | int | bool | list[str]]


@dataclass(frozen=True)
class Asked:
    """A token request whose client has proved who it is, and which key it holds; `fault` is what its code has on purpose."""

    client: KnownClient
    parameters: Parameters
    held: HeldKey | None = None
    encryption: EncryptionKey | None = None
    fault: str | None = None

    @property
    def cnf(self) -> dict[str, str] | None:
        """The key to which access tokens are bound."""
        return self.held.cnf if self.held else None


@dataclass(frozen=True)
class Standing:
    """A grant that is alive: what one person let one client have, and how that person signed in."""

    grant_id: UUID
    person_id: UUID
    session_id: UUID | None
    subject: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    claims: Mapping[str, object] | None
    authorization_details: list[object] | None
    offline: bool
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    created_at: datetime
    sector: str
    vot: str | None = None
    represents: Mapping[str, object] | None = None
    """Whom the person acts for, in the form of the claim (RP-2)."""
    act: Mapping[str, object] | None = None
    assist: Mapping[str, object] | None = None
    """Who helps the person, and what with, until when (AS-3)."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """Claims that this way of granting adds to the ID token."""


IN_SECTOR = (SUBJECTS.c.person_id == GRANTS.c.person_id) & (
    SUBJECTS.c.sector == func.coalesce(GRANTS.c.subject_sector, bindparam("sector"))
)
STANDING = (
    select(GRANTS, SUBJECTS.c.sub.label("subject"))
    .select_from(GRANTS.join(PERSONS, GRANTS.c.person_id == PERSONS.c.id).outerjoin(SUBJECTS, IN_SECTOR))
    .where(GRANTS.c.client_id == bindparam("client"), GRANTS.c.revoked_at.is_(None), PERSONS.c.state == PersonState.ACTIVE)
)
"""Grants of a client that are alive, with the pairwise subject where one is stored: made once, these are hot paths."""
_BY_ID = STANDING.where(GRANTS.c.id == bindparam("grant"))


def find_standing(identity: Identity, tx: Transaction, grant_id: UUID, client: KnownClient) -> Standing | None:
    """Return a grant of this client that is alive, or None: revoked, or its person is not active any more (UI-7)."""
    row = tx.connection.execute(_BY_ID, {"grant": grant_id, "client": client.id, "sector": client.sector}).one_or_none()
    if row is None or not representation.still_counts(identity, tx.connection, row.mandate_id):
        return None
    return standing_of(identity, tx, row, client)


def standing_of(
    identity: Identity, tx: Transaction, row: Row[Any], client: KnownClient
) -> Standing:  # a row of Core has no type of its own
    """Return a grant as it was read by STANDING; a subject that is not stored yet is made."""
    return Standing(
        grant_id=row.id,
        person_id=row.person_id,
        session_id=row.session_id,
        subject=row.subject or subject_of(tx.connection, identity.pairwise_key, row.person_id, row.subject_sector or client.sector),
        scopes=tuple(row.scopes),
        resources=tuple(row.resources),
        claims=row.claims,
        authorization_details=row.authorization_details,
        offline=row.offline,
        auth_time=row.auth_time,
        acr=row.acr,
        amr=tuple(row.amr),
        created_at=row.created_at,
        vot=row.vot,
        sector=row.subject_sector or client.sector,
        act=row.act,
        assist=row.assist,
        represents=representation.claim(identity, tx.connection, client, row.mandate_id, row.powers),
    )


@dataclass(frozen=True)
class TokenWish:
    """What a JWT access token says besides who issued it, and when; `more` are its further claims."""

    audience: str
    subject: str
    scopes: tuple[str, ...]
    jti: str
    more: Mapping[str, object] = field(default_factory=dict)
    ttl_seconds: int | None = None


def jwt_access_token(identity: Identity, client: KnownClient, wish: TokenWish, tx: Transaction | None = None) -> str:
    """Return a signed access token.  Spec: RFC 9068."""
    signer = identity.keys.signer(SIGNED_WITH, tx.connection if tx else None)
    claims = rfc9068.access_token_claims(
        issuer=identity.settings.issuer,
        audience=wish.audience,
        subject=wish.subject,
        client_id=client.client_id,
        scopes=wish.scopes,
        issued_at=int(identity.clock.now().timestamp()),
        ttl_seconds=wish.ttl_seconds or identity.settings.access_token_ttl_seconds,
        jti=wish.jti,
    )
    return jose.sign({**claims, **wish.more}, key=signer.key, alg=signer.alg, kid=signer.kid, typ=rfc9068.TYP)


def person_token(identity: Identity, tx: Transaction, asked: Asked, standing: Standing, resource: str | None) -> tuple[str, int]:
    """Return an access token about a person and its life in seconds: a JWT for a resource, else an opaque one for user info.

    Either way it has a row, so that it can be revoked and looked up.
    """
    now = identity.clock.now()
    if resource is None:
        ttl, token = _within_help(standing, identity.settings.opaque_token_ttl_seconds, now), identity.ids.token(32)
    else:
        ttl = identity.settings.access_token_ttl_seconds
        if standing.represents is not None:
            ttl = min(ttl, representation.TOKEN_SECONDS)
        ttl = _within_help(standing, ttl, now)
        more = _person_claims(asked, standing) | next_actor(identity, tx, resource)
        wish = TokenWish(resource, standing.subject, standing.scopes, identity.ids.token(16), more, ttl)
        token = jwt_access_token(identity, asked.client, wish, tx)
    row = {
        "token_hash": sha256_hex(token),
        "grant_id": standing.grant_id,
        "scopes": list(standing.scopes),
        "audience": resource,
        "cnf": asked.cnf,
        "authorization_details": standing.authorization_details,
        "act": standing.act,
        "created_at": now,
        "expires_at": now + timedelta(seconds=ttl),
    }
    tx.connection.execute(TOKENS.insert(), row)
    return token, ttl


def next_actor(identity: Identity, tx: Transaction, audience: str) -> dict[str, object]:
    """Return `may_act` of a token for an audience: the one client that is registered to go on from there (TX-6)."""
    actor = find_actor(tx.connection, audience)
    return {"may_act": {"sub": actor, "iss": identity.settings.issuer}} if actor else {}


def _person_claims(asked: Asked, standing: Standing) -> dict[str, object]:
    more = rfc9068.person_claims(auth_time=int(standing.auth_time.timestamp()), acr=standing.acr, amr=standing.amr)
    if asked.cnf:
        more["cnf"] = asked.cnf
    if standing.authorization_details:
        more["authorization_details"] = standing.authorization_details
    more |= _help_claims(standing)
    if standing.represents is not None:
        more[oidc_claims.REPRESENTS_CLAIM] = standing.represents
    return more


def _within_help(standing: Standing, ttl: int, now: datetime) -> int:
    """Return a token's life: no longer than the help lasts (AS-4).  Raises: InvalidGrant when it is over."""
    if standing.assist is None:
        return ttl
    left = int(str(standing.assist["until"])) - int(now.timestamp())
    if left <= 0:
        raise InvalidGrant("the assisted session is over")
    return min(ttl, left)


def _help_claims(standing: Standing) -> dict[str, object]:
    if standing.assist is None:
        return {}
    told = {name: value for name, value in standing.assist.items() if name != "proof"}
    return {"act": standing.act, assistance.CLAIM: told, assistance.PROOF_CLAIM: standing.assist["proof"]}


def id_token(identity: Identity, tx: Transaction, asked: Asked, standing: Standing, access_token: str, *, nonce: str | None) -> str:
    """Return the ID token; claims about the person only those that were asked for here one by one (ID-5, AZ-19).

    It is encrypted for clients that registered so, after it was signed (ID-6).
    """
    client = asked.client
    signer = identity.keys.signer(client.id_token_alg, tx.connection)
    claims = oidc_core.id_token_claims(
        issuer=identity.settings.issuer,
        subject=standing.subject,
        client_id=client.client_id,
        issued_at=int(identity.clock.now().timestamp()),
        ttl_seconds=identity.settings.id_token_ttl_seconds,
        nonce=nonce,
        auth_time=int(standing.auth_time.timestamp()),
        acr=standing.acr,
        amr=standing.amr,
        access_token=access_token,
    )
    if standing.session_id is not None and (client.backchannel_logout_uri or client.frontchannel_logout_uri):
        claims["sid"] = logout_tokens.sid_of(identity.pairwise_key, standing.session_id, standing.sector)
    if standing.vot is not None:
        claims |= {"vot": standing.vot, "vtm": identity.settings.public_url + TRUST_PAGE}
    claims |= _help_claims(standing)
    if standing.represents is not None and oidc_claims.REPRESENT in standing.scopes:
        claims[oidc_claims.REPRESENTS_CLAIM] = standing.represents
    fault = faults.in_token(identity, client, asked.fault)
    claims = faults.spoil_claims(identity, fault, {**_asked_claims(identity, tx, client, standing), **claims, **standing.extra})
    signed = faults.spoil_signature(fault, jose.sign(claims, key=signer.key, alg=signer.alg, kid=signer.kid))
    return asked.encryption.encrypt(signed) if asked.encryption else signed


def _asked_claims(identity: Identity, tx: Transaction, client: KnownClient, standing: Standing) -> dict[str, object]:
    names = oidc_claims.entitled(claims_request.names_at(standing.claims, claims_request.ID_TOKEN), client.scopes)
    wants_verified = identity_assurance.NAME in claims_request.names_at(standing.claims, claims_request.ID_TOKEN)
    facts = find_active_facts(tx.connection, identity.cipher, standing.person_id) if names or wants_verified else None
    if facts is None:
        return {}
    facts = replace(facts, on=yes_no.day_in_chile(identity.clock.now()))
    if oidc_claims.ROLES_CLAIM in names:
        facts = replace(facts, roles=roles_of(tx.connection, standing.person_id, identity.clock.now()))
    told = oidc_claims.claims_for(standing.subject, facts, names, client.claims_profile)
    return told | proofings.verified_claims(
        identity, tx, standing.claims, claims_request.ID_TOKEN, person_id=standing.person_id, facts=facts, client_scopes=client.scopes
    )


def token_reply(identity: Identity, tx: Transaction, asked: Asked, standing: Standing, resource: str | None, *, nonce: str | None) -> Reply:
    """Issue what a grant gives in one token reply, and note it (TK-6).  `standing` is narrowed to what this reply covers."""
    client = asked.client
    access_token, ttl = person_token(identity, tx, asked, standing, resource)
    reply: Reply = {"access_token": access_token, "token_type": token_type(asked), "expires_in": ttl}
    if "openid" in standing.scopes:
        reply["id_token"] = id_token(identity, tx, asked, standing, access_token, nonce=nonce)
    reply["scope"] = " ".join(standing.scopes)
    if standing.authorization_details:
        reply["authorization_details"] = standing.authorization_details
        reply |= grant_management.grant_id_of(standing.authorization_details)
    data: Data = {"scopes": list(standing.scopes), "grant": str(standing.grant_id)}
    subject = f"pairwise:{standing.subject}"
    tx.record(Event.TOKEN_ISSUED, actor=f"client:{client.client_id}", subject=subject, object_id=client.client_id, data=data)
    return reply


def token_type(asked: Asked) -> str:
    """Return how the access token is to be shown (CU-33, DP-7)."""
    if asked.held is not None and asked.held.jkt is not None:
        return "DPoP"
    return "bearer" if asked.client.claims_profile == "clave_unica" and asked.client.lower_case_bearer else "Bearer"
