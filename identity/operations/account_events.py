"""Events about accounts to receivers that act on them: signed, pushed, retried.  Spec: RFC 8417, RFC 8935; RISC 1.0, CAEP 1.0.

A receiver hears of people by the name that they have at its client, and of nobody who has none there.
"""

from uuid import UUID

from sqlalchemy import select

from identity.context import Identity
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.finders import find_subject
from identity.models.person import PersonState
from identity.standards import jose
from shared.http import OutboundError
from shared.tasks import RetryLater
from shared.transaction import Transaction

CLIENTS = table_of(Client)
JOB = "push_account_event"
RISC, CAEP = "https://schemas.openid.net/secevent/risc/event-type/", "https://schemas.openid.net/secevent/caep/event-type/"
DISABLED, ENABLED, COMPROMISED = RISC + "account-disabled", RISC + "account-enabled", RISC + "credential-compromise"
PURGED, SIGNED_OUT = RISC + "account-purged", CAEP + "session-revoked"
DECEASED, MANDATE_ENDED = "urn:andamio:event:subject-deceased", "urn:andamio:event:mandate-ended"
TYP, MEDIA_TYPE, ALG = "secevent+jwt", "application/secevent+jwt", "ES256"
RETRY_SECONDS = (60, 300, 1800, 7200, 43_200, *(86_400,) * 6)
TIMEOUT_SECONDS = 5.0


def tell(identity: Identity, tx: Transaction, person_id: UUID, event: str, **members: str | int) -> None:
    """Leave an event for each receiver, in the transaction of what happened."""
    now = int(identity.clock.now().timestamp())
    for client_id, url in receivers(identity):
        sector = tx.connection.execute(select(CLIENTS.c.sector).where(CLIENTS.c.client_id == client_id)).scalar()
        if sector is None:
            continue
        sub = find_subject(tx.connection, person_id, sector)
        if sub is None:
            continue
        payload = {"url": url, "sub": sub, "event": event, "members": {"event_timestamp": now, **members}, "jti": identity.ids.token(16)}
        tx.enqueue(JOB, payload)


def tell_state(identity: Identity, tx: Transaction, person_id: UUID, state: PersonState) -> None:
    """Leave the event of a person's new state; one who only waits for an account has none."""
    events = {PersonState.ACTIVE: ENABLED, PersonState.SUSPENDED: DISABLED, PersonState.DECEASED: DECEASED}
    if state in events:
        tell(identity, tx, person_id, events[state])


def receivers(identity: Identity) -> list[tuple[str, str]]:
    """Return the client and the address of each receiver."""
    pairs = (text.partition("=") for text in identity.settings.event_receivers)
    return [(client_id, url) for client_id, _, url in pairs if client_id and url]


def push(identity: Identity, payload: dict[str, object], attempt: int) -> None:
    """Push one event; with 202 it has arrived.  Raises: RetryLater for a week."""
    url = str(payload["url"])
    claims = {
        "iss": identity.settings.issuer,
        "aud": url.removesuffix("/events"),
        "iat": int(identity.clock.now().timestamp()),
        "jti": payload["jti"],
        "sub_id": {"format": "iss_sub", "iss": identity.settings.issuer, "sub": payload["sub"]},
        "events": {payload["event"]: payload["members"]},
    }
    signer = identity.keys.signer(ALG)
    token = jose.sign(claims, key=signer.key, alg=signer.alg, kid=signer.kid, typ=TYP)
    headers = {"Content-Type": MEDIA_TYPE, "Accept": "application/json"}
    try:
        reply = identity.http.request("POST", url, body=token.encode(), headers=headers, timeout_seconds=TIMEOUT_SECONDS)
        outcome = str(reply.status)
    except OutboundError as error:
        outcome = type(error).__name__
    if outcome != "202" and attempt <= len(RETRY_SECONDS):
        raise RetryLater(RETRY_SECONDS[attempt - 1], outcome)
