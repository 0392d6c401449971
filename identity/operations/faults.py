"""Faults on purpose, to see whether a team's program notices: switched on for its client in the sandbox, or put on one code
by the check of its test site (§3.11).
"""

import time
from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import update

from identity.context import Identity
from identity.errors import AccessDenied, RegisterNotFound
from identity.events import Event
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.client_store import KnownClient

CLIENTS = table_of(Client)
SLOW_SECONDS = 8.0
EXPIRED_SECONDS = 7_200
OTHER = "https://other.example"


class Fault(StrEnum):
    """What goes wrong."""

    DENY = "deny"
    SLOW = "slow"
    EXPIRED = "expired"
    WRONG_NONCE = "wrong_nonce"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"


def set_fault(identity: Identity, client_id: str, fault: Fault | None) -> None:
    """Switch a fault on, or all off.  Raises: RegisterNotFound."""
    with identity.transaction() as tx:
        changed = tx.connection.execute(update(CLIENTS).where(CLIENTS.c.client_id == client_id).values(fault=fault))
        if changed.rowcount != 1:
            raise RegisterNotFound("The register has no such client.")
        tx.record(Event.CLIENT_CHANGED, actor="sandbox", object_id=client_id, data={"fault": fault or ""})
    identity.clients.forget()


def has(identity: Identity, client: KnownClient, fault: Fault) -> bool:
    """Answer whether a fault is switched on; never outside the sandbox."""
    return identity.settings.is_sandbox and client.fault == fault


def refuse_if_denied(identity: Identity, client: KnownClient) -> None:
    """Refuse a sign-in as if the person had.  Raises: AccessDenied."""
    if has(identity, client, Fault.DENY):
        raise AccessDenied("the person refused (a fault that was switched on in the sandbox)")


def be_slow(identity: Identity, client: KnownClient) -> None:
    """Take longer than a program should wait."""
    if has(identity, client, Fault.SLOW):
        time.sleep(SLOW_SECONDS)


def in_token(identity: Identity, client: KnownClient, of_code: str | None) -> str | None:
    """Return what goes wrong with an ID token: the fault of its code, which only a site check sets, else the client's."""
    return of_code or (client.fault if identity.settings.is_sandbox else None)


def spoil_claims(identity: Identity, fault: str | None, claims: Mapping[str, object]) -> dict[str, object]:
    """Return the claims of an ID token, with what is wrong with them."""
    if fault == Fault.EXPIRED:
        now = int(identity.clock.now().timestamp())
        return {**claims, "iat": now - EXPIRED_SECONDS, "exp": now - EXPIRED_SECONDS // 2}
    if fault == Fault.WRONG_NONCE:
        return {**claims, "nonce": identity.ids.token(16)}
    if fault == Fault.WRONG_ISSUER:
        return {**claims, "iss": OTHER + "/openid"}
    if fault == Fault.WRONG_AUDIENCE:
        return {**claims, "aud": OTHER}
    return dict(claims)


def spoil_signature(fault: str | None, token: str) -> str:
    """Return an ID token, with a signature that does not hold."""
    if fault != Fault.WRONG_SIGNATURE:
        return token
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[::-1]}"
