"""The pictures that clients name: fetched once from the client, made anew, and served by us (RG-6)."""

from http import HTTPStatus
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.client_logo import ClientLogo
from identity.providers import pictures
from shared.http import OutboundError, OutboundRefused
from shared.tasks import RetryLater
from shared.transaction import Transaction

log = structlog.get_logger("identity.logos")
CLIENTS, LOGOS = table_of(Client), table_of(ClientLogo)
JOB = "fetch_logo"
ATTEMPTS_MAX, RETRY_SECONDS = 3, 60.0
TIMEOUT_SECONDS, BYTES_MAX = 3.0, 256 * 1024


def fetch_after(tx: Transaction, row_id: UUID, logo_uri: str | None) -> None:
    """Forget a client's picture, and have the one that it names now fetched after the commit."""
    tx.connection.execute(LOGOS.delete().where(LOGOS.c.client_id == row_id))
    if logo_uri is not None:
        tx.enqueue(JOB, {"client_id": str(row_id)})


def fetch(identity: Identity, row_id: UUID, attempt: int) -> None:
    """Fetch a client's picture; what is no picture is left out.  Raises: RetryLater while its address is away and tries are left."""
    with identity.reading() as tx:
        query = select(CLIENTS.c.logo_uri).where(CLIENTS.c.id == row_id, CLIENTS.c.state == "active")
        logo_uri = tx.connection.execute(query).scalar_one_or_none()
    picture = _picture(identity, logo_uri, attempt) if logo_uri else None
    if picture is None:
        return
    with identity.transaction() as tx:
        unchanged = select(CLIENTS.c.id).where(CLIENTS.c.id == row_id, CLIENTS.c.logo_uri == logo_uri).with_for_update()
        if tx.connection.execute(unchanged).first() is not None:
            row = {"client_id": row_id, "picture": picture, "fetched_at": identity.clock.now()}
            tx.connection.execute(insert(LOGOS).values(row).on_conflict_do_update(index_elements=["client_id"], set_=row))


def _picture(identity: Identity, logo_uri: str, attempt: int) -> bytes | None:
    try:
        reply = identity.http.request("GET", logo_uri, timeout_seconds=TIMEOUT_SECONDS, max_bytes=BYTES_MAX)
    except OutboundRefused:
        return None
    except OutboundError as error:
        if attempt < ATTEMPTS_MAX:
            raise RetryLater(RETRY_SECONDS, str(error)) from None
        return None
    try:
        return pictures.as_small_png(reply.body) if reply.status == HTTPStatus.OK else None
    except pictures.NotAPicture as error:
        log.info("logo left out", why=str(error))
        return None


def find(identity: Identity, client_id: str) -> bytes | None:
    """Return the picture of an active client, if it has one."""
    query = select(LOGOS.c.picture).join(CLIENTS, LOGOS.c.client_id == CLIENTS.c.id)
    with identity.reading() as tx:
        return tx.connection.execute(query.where(CLIENTS.c.client_id == client_id, CLIENTS.c.state == "active")).scalar_one_or_none()
