"""Revocation: a refresh token ends its family, an access token ends alone (§2.11).  Spec: RFC 7009."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.errors import InvalidGrant, OAuthInvalidRequest, UnsupportedTokenType
from identity.events import Event
from identity.models.client_store import KnownClient
from identity.operations import hints
from identity.operations.calls import Call
from identity.operations.client_authentication import authenticate, use_assertion
from identity.operations.introspection import REVOKED, read_machine_token
from identity.operations.refresh_grant import REFRESH_TOKENS, revoke_family
from identity.operations.userinfo import GRANTS, TOKENS
from shared.crypto import sha256_hex
from shared.transaction import Transaction


class Found(NamedTuple):
    """A token that is stored: whose, and of which grant."""

    client_id: UUID
    grant_id: UUID


def revoke(identity: Identity, call: Call) -> None:
    """End a token of the client that asks; one that is unknown or over is ended already (RV-1, RV-2).

    Raises: OAuthInvalidRequest, InvalidClient, InvalidGrant for another client's token, UnsupportedTokenType for an ID token.
    """
    authenticated = authenticate(identity, call)
    token = call.parameters.get("token")
    if token is None:
        raise OAuthInvalidRequest("token is missing")
    with identity.transaction() as tx:
        use_assertion(tx, authenticated)
        kind = _revoke(identity, tx, authenticated.client, token)
        if kind is not None:
            client_id = authenticated.client.client_id
            tx.record(Event.TOKEN_REVOKED, actor=f"client:{client_id}", object_id=client_id, data={"kind": kind})


def _revoke(identity: Identity, tx: Transaction, client: KnownClient, token: str) -> str | None:
    """End a token and return its kind; the hint is not needed, since each kind is looked for."""
    digest = sha256_hex(token)
    if (refresh := _find_refresh(tx.connection, digest)) is not None:
        _must_be(client, refresh.client_id)
        revoke_family(tx, refresh.grant_id, identity.clock.now())
        return "refresh_token"
    if (access := _find_access(tx.connection, digest)) is not None:
        _must_be(client, access.client_id)
        tx.connection.execute(TOKENS.delete().where(TOKENS.c.token_hash == digest))
        return "access_token"
    if (claims := read_machine_token(identity, tx, token)) is not None:
        if claims["client_id"] != client.client_id:
            raise InvalidGrant("the token is another client's")
        row = {"token_hash": digest, "expires_at": datetime.fromtimestamp(int(str(claims["exp"])), UTC)}
        tx.connection.execute(insert(REVOKED).values(row).on_conflict_do_nothing())
        return "access_token"
    if hints.read_hint(identity, token) is not None:
        raise UnsupportedTokenType("ID tokens are not revoked")
    return None


def _must_be(client: KnownClient, owner: UUID) -> None:
    if client.id != owner:
        raise InvalidGrant("the token is another client's")


def _find_refresh(connection: Connection, digest: str) -> Found | None:
    query = select(GRANTS.c.client_id, GRANTS.c.id).join(REFRESH_TOKENS, REFRESH_TOKENS.c.grant_id == GRANTS.c.id)
    row = connection.execute(query.where(REFRESH_TOKENS.c.token_hash == digest)).one_or_none()
    return Found(*row) if row else None


def _find_access(connection: Connection, digest: str) -> Found | None:
    query = select(GRANTS.c.client_id, GRANTS.c.id).join(TOKENS, TOKENS.c.grant_id == GRANTS.c.id)
    row = connection.execute(query.where(TOKENS.c.token_hash == digest)).one_or_none()
    return Found(*row) if row else None
