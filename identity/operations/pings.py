"""Tell a channel that its person has answered (CB-5): from the outbox, a few tries, and never more than the id."""

import json
from uuid import UUID

from sqlalchemy import select

from identity.context import Identity
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.remote_request import RemoteRequest
from shared.http import OutboundError, OutboundRefused
from shared.tasks import RetryLater
from shared.transaction import Transaction

REQUESTS, CLIENTS = table_of(RemoteRequest), table_of(Client)
JOB = "ping_client"
ATTEMPTS_MAX = 3
RETRY_SECONDS, TIMEOUT_SECONDS = 2.0, 5.0


def seal(identity: Identity, client_id: UUID, code: str, bearer: str) -> bytes:
    """Return what a ping will need, encrypted."""
    return identity.cipher.encrypt(json.dumps({"code": code, "bearer": bearer}), scope=f"client:{client_id}")


def enqueue(tx: Transaction, request_id: UUID) -> None:
    """Have the client told after the commit, if it wants to be."""
    tx.enqueue(JOB, {"request_id": str(request_id)})


def ping(identity: Identity, request_id: UUID, attempt: int) -> None:
    """Make one try; any answer is an answer.  Raises: RetryLater while there was none and tries are left."""
    with identity.reading() as tx:
        joined = REQUESTS.join(CLIENTS, REQUESTS.c.client_id == CLIENTS.c.id)
        columns = (REQUESTS.c.callback_sealed, REQUESTS.c.client_id, CLIENTS.c.notification_uri)
        row = tx.connection.execute(select(*columns).select_from(joined).where(REQUESTS.c.id == request_id)).one_or_none()
    if row is None or row.callback_sealed is None or row.notification_uri is None:
        return
    known = json.loads(identity.cipher.decrypt(row.callback_sealed, scope=f"client:{row.client_id}"))
    headers = {"Authorization": f"Bearer {known['bearer']}"}
    body = {"auth_req_id": known["code"]}
    try:
        reply = identity.http.request(
            "POST", row.notification_uri, json=body, headers=headers, timeout_seconds=TIMEOUT_SECONDS, max_bytes=65_536
        )
    except OutboundRefused:
        return
    except OutboundError as error:
        if attempt < ATTEMPTS_MAX:
            raise RetryLater(RETRY_SECONDS, str(error)) from None
        return
    if reply.status >= 500 and attempt < ATTEMPTS_MAX:
        raise RetryLater(RETRY_SECONDS, f"status {reply.status}")
