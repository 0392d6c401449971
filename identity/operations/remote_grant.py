"""Redeem what a person approved elsewhere: the token request that a device or a channel polls with (§2.19, CB-6)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from sqlalchemy import select, update

from identity.context import Identity
from identity.errors import InvalidGrant, OAuthInvalidRequest
from identity.models.base import table_of
from identity.models.remote_request import REMOTE_STATES, RemoteKind, RemoteRequest, RemoteState
from identity.operations import refresh_grant
from identity.operations.issuing import Asked, Reply, find_standing, token_reply
from identity.standards import rfc8628
from identity.standards.remote_refusals import AuthorizationPending, ExpiredToken, GrantDenied, SlowDown
from shared.crypto import sha256_hex
from shared.transaction import Transaction

REQUESTS = table_of(RemoteRequest)
AUTH_REQ_ID = "urn:openid:params:jwt:claim:auth_req_id"
"""The claim by which a channel sees which of its requests an ID token answers (CB-7).  Spec: CIBA Core §10.3.1."""
CODES = {RemoteKind.DEVICE: "device_code", RemoteKind.CIBA: "auth_req_id"}


def redeem_device_code(identity: Identity, tx: Transaction, asked: Asked) -> Reply:
    """Give a device its tokens once its person agreed.  Raises: as _redeem."""
    return _redeem(identity, tx, asked, RemoteKind.DEVICE)


def redeem_auth_req_id(identity: Identity, tx: Transaction, asked: Asked) -> Reply:
    """Give a channel its tokens once its person agreed.  Raises: as _redeem."""
    return _redeem(identity, tx, asked, RemoteKind.CIBA)


def _redeem(identity: Identity, tx: Transaction, asked: Asked, kind: RemoteKind) -> Reply:
    """Answer one poll; the row is held, so that of two polls at once one gets the tokens.

    Raises: InvalidGrant, AuthorizationPending, SlowDown, ExpiredToken, GrantDenied.
    """
    code = asked.parameters.get(CODES[kind])
    if code is None:
        raise OAuthInvalidRequest(f"{CODES[kind]} is missing")
    mine = (REQUESTS.c.code_hash == sha256_hex(code), REQUESTS.c.kind == kind, REQUESTS.c.client_id == asked.client.id)
    row = tx.connection.execute(select(REQUESTS).where(*mine).with_for_update()).one_or_none()
    if row is None or row.state == RemoteState.REDEEMED:
        raise InvalidGrant("the code is not valid")
    now, state = identity.clock.now(), RemoteState(row.state)
    if state is RemoteState.DENIED:
        raise GrantDenied("the person refused")
    if state is RemoteState.EXPIRED or row.expires_at <= now:
        raise ExpiredToken("the code has expired")
    if state is RemoteState.PENDING:
        _wait(identity, tx, row.id, row.polled_at, row.interval_seconds)
    standing = find_standing(identity, tx, row.grant_id, asked.client)
    if standing is None:
        raise InvalidGrant("the code is not valid")
    action = REMOTE_STATES.check(state, RemoteState.REDEEMED)
    tx.connection.execute(update(REQUESTS).where(REQUESTS.c.id == row.id).values(state=RemoteState.REDEEMED))
    tx.record(action, actor=f"client:{asked.client.client_id}", object_id=str(row.id))
    resource = standing.resources[0] if standing.resources else None
    named = replace(standing, extra={AUTH_REQ_ID: code}) if kind is RemoteKind.CIBA else standing
    reply = token_reply(identity, tx, asked, named, resource, nonce=None)
    if refresh_grant.may_refresh(asked.client, standing):
        reply["refresh_token"] = refresh_grant.first_token(identity, tx, asked, standing)
    return reply


def _wait(identity: Identity, tx: Transaction, row_id: UUID, last: datetime | None, interval_seconds: int) -> NoReturn:
    """Note the poll; one that came too early makes the interval longer for good.  Raises: SlowDown, AuthorizationPending."""
    now = identity.clock.now()
    is_early = last is not None and now - last < timedelta(seconds=interval_seconds)
    interval = interval_seconds + (rfc8628.SLOWER_SECONDS if is_early else 0)
    tx.connection.execute(update(REQUESTS).where(REQUESTS.c.id == row_id).values(polled_at=now, interval_seconds=interval))
    if is_early:
        raise SlowDown(f"poll every {interval} seconds at most")
    raise AuthorizationPending("the person has not answered yet")
