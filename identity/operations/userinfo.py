"""User info: what a token lets a client know about a person (UI-1…UI-7)."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from identity.context import Identity
from identity.errors import InsufficientScope, InvalidToken
from identity.events import Event
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.finders import PERSONS, open_facts, roles_of, subject_of
from identity.models.grant import AccessToken, Grant
from identity.models.person import PersonState
from identity.standards.oidc_claims import claims_for
from shared.crypto import sha256_hex

TOKENS, GRANTS, CLIENTS = table_of(AccessToken), table_of(Grant), table_of(Client)


@dataclass(frozen=True)
class LiveToken:
    """A token that is valid now, its client, and its person as sealed."""

    client_id: str
    claims_profile: str
    sector: str
    person_id: UUID
    scopes: tuple[str, ...]
    facts_sealed: bytes = field(repr=False)
    updated_at: datetime


def find_live_token(identity: Identity, connection: Connection, token: str) -> LiveToken | None:
    """Return what stands behind a token: unless it expired, its grant was revoked, or client or person are not active any more."""
    joined = TOKENS.join(GRANTS, TOKENS.c.grant_id == GRANTS.c.id).join(CLIENTS, GRANTS.c.client_id == CLIENTS.c.id)
    joined = joined.join(PERSONS, GRANTS.c.person_id == PERSONS.c.id)
    columns = (CLIENTS.c.client_id, CLIENTS.c.claims_profile, CLIENTS.c.sector, GRANTS.c.person_id, TOKENS.c.scopes, PERSONS.c.facts_sealed)
    query = select(*columns, PERSONS.c.updated_at).select_from(joined)
    live = (TOKENS.c.expires_at > identity.clock.now(), GRANTS.c.revoked_at.is_(None), CLIENTS.c.state == "active")
    row = connection.execute(
        query.where(TOKENS.c.token_hash == sha256_hex(token), PERSONS.c.state == PersonState.ACTIVE, *live)
    ).one_or_none()
    if row is None:
        return None
    return LiveToken(row.client_id, row.claims_profile, row.sector, row.person_id, tuple(row.scopes), row.facts_sealed, row.updated_at)


def tell_about_person(identity: Identity, token: str) -> dict[str, object]:
    """Return the claims that a token releases, and note their names.  Raises: InvalidToken, InsufficientScope."""
    with identity.transaction() as tx:
        live = find_live_token(identity, tx.connection, token)
        if live is None:
            raise InvalidToken("the token is not valid")
        if "openid" not in live.scopes:
            raise InsufficientScope("the scope openid is needed")
        facts = open_facts(identity.cipher, live.person_id, live.facts_sealed, live.updated_at)
        if "roles" in live.scopes:
            facts = replace(facts, roles=roles_of(tx.connection, live.person_id, identity.clock.now()))
        subject = subject_of(tx.connection, identity.pairwise_key, live.person_id, live.sector)
        claims = claims_for(subject, facts, live.scopes, live.claims_profile)
        data: dict[str, str | int | bool | list[str]] = {"claims": sorted(claims)}
        tx.record(
            Event.CLAIMS_RELEASED, actor=f"client:{live.client_id}", subject=f"cl-run:{facts.run}", object_id=live.client_id, data=data
        )
    return claims
