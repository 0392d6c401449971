"""`refresh_token`: one chain for each grant, never a fork (RT-1…RT-10).

A token of generation n is the HMAC of grant and n under a key of ours, so the successor can be given again without
having been stored.  Who refreshes holds the grant's row: revocation comes before or after, and sees all that was made.
"""

import base64
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.errors import InvalidDpopProof, InvalidGrant, InvalidScope, InvalidTarget, OAuthInvalidRequest
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.grant import RefreshToken
from identity.models.history import What
from identity.models.sso_session import SsoSession
from identity.operations import history, representation
from identity.operations.issuing import GRANTS, STANDING, Asked, Reply, Standing, standing_of, token_reply
from identity.standards import rfc9396
from identity.standards.rfc6749 import parse_scope
from shared.crypto import sha256_hex
from shared.transaction import Transaction

REFRESH_TOKENS, SESSIONS = table_of(RefreshToken), table_of(SsoSession)
RETRY = timedelta(seconds=30)
"""So long after its first use a token gives its one successor again (RT-7)."""
SLIDE = timedelta(hours=1)
"""The end of a token that is kept moves on at most so often."""
PURPOSE = "refresh-token"


SESSION_LASTS = SESSIONS.c.ended_at.is_(None) & (SESSIONS.c.expires_at > bindparam("now"))
_PRESENTED = (
    STANDING.add_columns(
        REFRESH_TOKENS.c.token_hash,
        REFRESH_TOKENS.c.generation,
        REFRESH_TOKENS.c.cnf,
        REFRESH_TOKENS.c.expires_at,
        (GRANTS.c.session_id.is_(None) | SESSION_LASTS).label("session_lasts"),
    )
    .join(REFRESH_TOKENS, REFRESH_TOKENS.c.grant_id == GRANTS.c.id)
    .outerjoin(SESSIONS, SESSIONS.c.id == GRANTS.c.session_id)
    .where(REFRESH_TOKENS.c.token_hash == bindparam("token"))
    .with_for_update(of=GRANTS)
)
_TAKE = (
    update(REFRESH_TOKENS)
    .where(REFRESH_TOKENS.c.token_hash == bindparam("token"), REFRESH_TOKENS.c.consumed_at.is_(None))
    .values(consumed_at=bindparam("now"))
)


@dataclass(frozen=True)
class Presented:
    """A refresh token as it was found, the row of its grant locked; `session_lasts` is whether the sign-on session still stands."""

    token_hash: str
    generation: int
    cnf: dict[str, str] | None
    expires_at: datetime
    session_lasts: bool
    standing: Standing


def may_refresh(client: KnownClient, standing: Standing) -> bool:
    """Answer whether a client gets a refresh token: its policy allows it, it asked when it registered, and no agent helps (AS-4)."""
    return standing.assist is None and "refresh_token" in client.grant_types and "refresh_token" in client.policy.grant_types


def derive(identity: Identity, grant_id: UUID, generation: int) -> str:
    """Return the refresh token of one generation of a grant: 43 characters."""
    made = identity.cipher.blind_index(f"{grant_id}|{generation}", purpose=PURPOSE)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def first_token(identity: Identity, tx: Transaction, asked: Asked, standing: Standing) -> str:
    """Begin a grant's chain.  A public client's is bound to its key, if it showed one (RT-1)."""
    is_public = asked.client.auth_method == "none"
    return _store(identity, tx, standing, 0, asked.cnf if is_public else None)


def refresh(identity: Identity, tx: Transaction, asked: Asked) -> Reply:
    """Give new tokens for a refresh token.  Raises: InvalidGrant, InvalidScope, InvalidTarget, InvalidDpopProof, OAuthInvalidRequest."""
    client, text = asked.client, asked.parameters.get("refresh_token")
    if text is None:
        raise OAuthInvalidRequest("refresh_token is missing")
    presented = _find_and_lock(identity, tx, client, sha256_hex(text))
    now = identity.clock.now()  # after the lock: what others did before is in the past
    if presented is None or presented.expires_at <= now or not (presented.session_lasts or presented.standing.offline):
        raise InvalidGrant("the refresh token is not valid").because(_why_not(presented, now))
    _check_key(presented, asked)
    standing = presented.standing
    narrowed, resource = _narrow(asked, standing)
    successor = _rotate(identity, tx, client, presented) if client.policy.rotates_refresh_tokens else None
    if successor is None:
        _slide(identity, tx, presented, now)
    reply = token_reply(identity, tx, asked, narrowed, resource, nonce=None)
    return {**reply, "refresh_token": successor or text}


def _why_not(presented: Presented | None, now: datetime) -> str:
    """Say what is wrong with a refresh token, for the sandbox's inspector."""
    if presented is None:
        return "it is none of this client's, or it was revoked, or its person ended the connection"
    if presented.expires_at <= now:
        return "it was not used for too long, or its whole time is over"
    return "the person signed out, and had not agreed to offline_access"


def _find_and_lock(identity: Identity, tx: Transaction, client: KnownClient, token_hash: str) -> Presented | None:
    """Return a client's refresh token whose grant is alive; a grant ends with its sign-on session unless it is offline (RT-1, LO-10)."""
    values = {"token": token_hash, "client": client.id, "sector": client.sector, "now": identity.clock.now()}
    row = tx.connection.execute(_PRESENTED, values).one_or_none()
    if row is None or not representation.still_counts(identity, tx.connection, row.mandate_id):
        return None
    standing = standing_of(identity, tx, row, client)
    return Presented(row.token_hash, row.generation, row.cnf, row.expires_at, bool(row.session_lasts), standing)


def _check_key(presented: Presented, asked: Asked) -> None:
    if presented.cnf is None:
        return
    if asked.held is None:
        raise InvalidDpopProof("this refresh token is bound to a DPoP key: send its proof")
    if asked.held.cnf != presented.cnf:
        raise InvalidGrant("the refresh token is bound to another key")


def _narrow(asked: Asked, standing: Standing) -> tuple[Standing, str | None]:
    """Return what this one access token covers: all of the grant or less, never more (RT-3)."""
    parameters = asked.parameters
    scopes = parse_scope(parameters.get("scope")) or standing.scopes
    if not set(scopes) <= set(standing.scopes):
        raise InvalidScope("a scope was not granted")
    resources = parameters.all("resource")
    if resources and resources != standing.resources:
        raise InvalidTarget("not the resource of the grant")
    details = rfc9396.parse(parameters.get("authorization_details"), allowed=asked.client.authorization_details_types)
    granted = [element for element in standing.authorization_details or () if isinstance(element, dict)]
    narrowed = replace(standing, scopes=scopes, authorization_details=rfc9396.narrow(granted or None, details))
    return narrowed, standing.resources[0] if standing.resources else None


def _rotate(identity: Identity, tx: Transaction, client: KnownClient, presented: Presented) -> str:
    """Use a token up and return its one successor; the same again within the retry window (RT-6, RT-7, RT-8).  Raises: InvalidGrant."""
    now, standing = identity.clock.now(), presented.standing
    taken = tx.connection.execute(_TAKE, {"token": presented.token_hash, "now": now})
    if taken.rowcount == 1:
        return _store(identity, tx, standing, presented.generation + 1, presented.cnf)
    successor = derive(identity, standing.grant_id, presented.generation + 1)
    if _may_retry(tx, presented.token_hash, sha256_hex(successor), now):
        return successor
    revoke_family(tx, standing.grant_id, now)
    told = {"service": client.service_name, "organisation": client.organisation_name, "channel": "api"}
    history.note(identity, tx, standing.person_id, What.REUSE, told)
    actor, subject = f"client:{client.client_id}", f"pairwise:{standing.subject}"
    tx.record(Event.REFRESH_REUSED, actor=actor, outcome="refused", subject=subject, object_id=str(standing.grant_id))
    raise InvalidGrant("the refresh token was used before")


def _may_retry(tx: Transaction, token_hash: str, successor_hash: str, now: datetime) -> bool:
    query = select(REFRESH_TOKENS.c.token_hash, REFRESH_TOKENS.c.consumed_at)
    rows = tx.connection.execute(query.where(REFRESH_TOKENS.c.token_hash.in_((token_hash, successor_hash)))).all()
    consumed = {row.token_hash: row.consumed_at for row in rows}
    first_use = consumed.get(token_hash)
    return first_use is not None and now - first_use <= RETRY and successor_hash in consumed and consumed[successor_hash] is None


def revoke_family(tx: Transaction, grant_id: UUID, now: datetime) -> None:
    """Revoke a grant with all its refresh and access tokens."""
    tx.connection.execute(update(GRANTS).where(GRANTS.c.id == grant_id, GRANTS.c.revoked_at.is_(None)).values(revoked_at=now))


def _ends_at(identity: Identity, begun_at: datetime, now: datetime) -> datetime:
    settings = identity.settings
    return min(now + timedelta(seconds=settings.refresh_idle_seconds), begun_at + timedelta(seconds=settings.refresh_ttl_seconds))


def _store(identity: Identity, tx: Transaction, standing: Standing, generation: int, cnf: dict[str, str] | None) -> str:
    now, token = identity.clock.now(), derive(identity, standing.grant_id, generation)
    row = {"token_hash": sha256_hex(token), "grant_id": standing.grant_id, "generation": generation, "cnf": cnf, "created_at": now}
    tx.connection.execute(insert(REFRESH_TOKENS), row | {"expires_at": _ends_at(identity, standing.created_at, now)})
    return token


def _slide(identity: Identity, tx: Transaction, presented: Presented, now: datetime) -> None:
    """Move the end of a token that is kept (RT-5)."""
    ends_at = _ends_at(identity, presented.standing.created_at, now)
    if ends_at - presented.expires_at > SLIDE:
        tx.connection.execute(update(REFRESH_TOKENS).where(REFRESH_TOKENS.c.token_hash == presented.token_hash).values(expires_at=ends_at))
