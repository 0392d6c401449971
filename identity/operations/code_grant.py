"""`authorization_code`: exchange a code for tokens, once (TK-3, TK-4, TK-7, §2.8)."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select, update

from identity.context import Identity
from identity.errors import InvalidDpopProof, InvalidGrant, InvalidTarget, OAuthInvalidRequest
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.grant import AuthorizationCode
from identity.models.history import What
from identity.operations import history, refresh_grant
from identity.operations.issuing import GRANTS, Asked, Reply, Standing, find_standing, token_reply
from identity.standards import rfc7636, rfc9396
from shared.crypto import sha256_hex
from shared.transaction import Transaction

CODES = table_of(AuthorizationCode)


@dataclass(frozen=True)
class Redeemed:
    """A code that was just marked used, and what it is bound to (AZ-23)."""

    grant_id: UUID
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None
    dpop_jkt: str | None
    fault: str | None


def redeem_code(identity: Identity, tx: Transaction, asked: Asked) -> Reply:
    """Exchange a code for tokens; a try by its client uses it up whatever comes of it (PK-6).

    Raises: InvalidGrant, OAuthInvalidRequest, InvalidTarget, InvalidDpopProof, InvalidAuthorizationDetails.
    """
    client, parameters = asked.client, asked.parameters
    code = parameters.get("code")
    if code is None:
        raise OAuthInvalidRequest("code is missing")
    redeemed = _take_code(identity, tx, client, code)
    standing = find_standing(identity, tx, redeemed.grant_id, client)
    if standing is None:
        raise InvalidGrant("the code is not valid")
    if parameters.get("redirect_uri") != redeemed.redirect_uri:
        raise InvalidGrant("redirect_uri is not the one of the request")
    rfc7636.check_verifier(redeemed.code_challenge, parameters.get("code_verifier"))
    _check_key(redeemed, asked)
    resource = _resource(standing, parameters.all("resource"))
    details = rfc9396.parse(parameters.get("authorization_details"), allowed=client.authorization_details_types)
    narrowed = replace(standing, authorization_details=_narrow(standing, details))
    if redeemed.fault is not None:
        asked = replace(asked, fault=redeemed.fault)
    reply = token_reply(identity, tx, asked, narrowed, resource, nonce=redeemed.nonce)
    if refresh_grant.may_refresh(client, standing):
        reply["refresh_token"] = refresh_grant.first_token(identity, tx, asked, standing)
    return reply


def _narrow(standing: Standing, asked: list[dict[str, object]] | None) -> list[object] | None:
    granted = [element for element in standing.authorization_details or () if isinstance(element, dict)]
    return rfc9396.narrow(granted or None, asked)


def _take_code(identity: Identity, tx: Transaction, client: KnownClient, code: str) -> Redeemed:
    """Mark the code used by one conditional UPDATE: of parallel tries one finds it unused (TK-4).  Raises: InvalidGrant."""
    now, digest = identity.clock.now(), sha256_hex(code)
    mine = select(GRANTS.c.id).where(GRANTS.c.client_id == client.id)
    taken = tx.connection.execute(
        update(CODES)
        .where(CODES.c.code_hash == digest, CODES.c.used_at.is_(None), CODES.c.expires_at > now, CODES.c.grant_id.in_(mine))
        .values(used_at=now)
        .returning(CODES.c.grant_id, CODES.c.redirect_uri, CODES.c.code_challenge, CODES.c.nonce, CODES.c.dpop_jkt, CODES.c.fault)
    ).one_or_none()
    if taken is None:
        _revoke_if_reused(identity, tx, client, digest)
        raise InvalidGrant("the code is not valid").because(_why_not(identity, tx, client, digest))
    return Redeemed(*taken)


def _why_not(identity: Identity, tx: Transaction, client: KnownClient, digest: str) -> str:
    """Say what is wrong with a code, for the sandbox's inspector; elsewhere nobody asks."""
    if not identity.settings.is_sandbox:
        return ""
    query = select(CODES.c.used_at, CODES.c.expires_at, GRANTS.c.client_id).join(GRANTS, GRANTS.c.id == CODES.c.grant_id)
    row = tx.connection.execute(query.where(CODES.c.code_hash == digest)).one_or_none()
    if row is None:
        return "no such code was given out"
    if row.client_id != client.id:
        return "it was given to another client"
    if row.used_at is not None:
        return "it was used before, and the tokens of its first use have ended with this second one"
    return f"its {client.policy.code_ttl_seconds} seconds are over"


def _revoke_if_reused(identity: Identity, tx: Transaction, client: KnownClient, digest: str) -> None:
    """Revoke the grant of a code that its own client presents again, with all its tokens (TK-4)."""
    query = select(CODES.c.grant_id, GRANTS.c.person_id).join(GRANTS, GRANTS.c.id == CODES.c.grant_id)
    used = (CODES.c.code_hash == digest, CODES.c.used_at.is_not(None), GRANTS.c.client_id == client.id)
    reused = tx.connection.execute(query.where(*used)).one_or_none()
    if reused is None:
        return
    tx.connection.execute(
        update(GRANTS).where(GRANTS.c.id == reused.grant_id, GRANTS.c.revoked_at.is_(None)).values(revoked_at=identity.clock.now())
    )
    told = {"service": client.service_name, "organisation": client.organisation_name, "channel": "api"}
    history.note(identity, tx, reused.person_id, What.REUSE, told)
    tx.record(Event.CODE_REUSED, actor=f"client:{client.client_id}", outcome="refused", object_id=str(reused.grant_id))


def _check_key(redeemed: Redeemed, asked: Asked) -> None:
    """Refuse another key than the one that the request announced (DP-8).  Raises: InvalidDpopProof, InvalidGrant."""
    if redeemed.dpop_jkt is None:
        return
    if asked.held is None or asked.held.jkt is None:
        raise InvalidDpopProof("the request announced a DPoP key: send its proof")
    if asked.held.jkt != redeemed.dpop_jkt:
        raise InvalidGrant("the DPoP key is not the one of the request")


def _resource(standing: Standing, asked: tuple[str, ...]) -> str | None:
    granted = standing.resources
    if asked and asked != granted:
        raise InvalidTarget("not the resource of the request")
    return granted[0] if granted else None
