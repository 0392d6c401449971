"""Services that a person is connected with: what they were given, and an end to it (§3.8)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import CLIENTS, ORGANISATIONS, SERVICES
from identity.models.grant import Grant, Release
from identity.models.history import What
from identity.models.service import OWN
from identity.operations import history
from identity.operations.refusals import SecurityNotFound

GRANTS, RELEASES = table_of(Grant), table_of(Release)


@dataclass(frozen=True)
class Connected:
    """One client with which a person signed in; `claims` are what it may know, `asks` whether the person was asked for them."""

    client_id: str
    service: str
    organisation: str
    last_used_at: datetime
    claims: tuple[str, ...]
    asks: bool


def list_connected(identity: Identity, person_id: UUID) -> list[Connected]:
    """Return the services with which a person signed in and that still may come back, the latest first."""
    joined = GRANTS.join(CLIENTS, GRANTS.c.client_id == CLIENTS.c.id).join(SERVICES, CLIENTS.c.service_id == SERVICES.c.id)
    joined = joined.join(ORGANISATIONS, SERVICES.c.organisation_id == ORGANISATIONS.c.id)
    columns = (CLIENTS.c.client_id, CLIENTS.c.id, SERVICES.c.name, ORGANISATIONS.c.name.label("organisation"))
    query = select(*columns, func.max(GRANTS.c.created_at).label("at")).select_from(joined).group_by(*columns)
    mine = (GRANTS.c.person_id == person_id, GRANTS.c.revoked_at.is_(None), CLIENTS.c.client_id != OWN)
    with identity.reading() as tx:
        rows = tx.connection.execute(query.where(*mine).order_by(func.max(GRANTS.c.created_at).desc())).all()
        given = select(RELEASES.c.client_id, RELEASES.c.claims).where(RELEASES.c.person_id == person_id, RELEASES.c.withdrawn_at.is_(None))
        claims = {row.client_id: tuple(row.claims) for row in tx.connection.execute(given)}
    return [Connected(r.client_id, r.name, r.organisation, r.at, claims.get(r.id, ()), r.id in claims) for r in rows]


def withdraw(identity: Identity, person_id: UUID, client_id: str) -> None:
    """End what a service was given: it must ask again, and its tokens die.  Raises: SecurityNotFound."""
    now = identity.clock.now()
    with identity.transaction() as tx:
        columns = (CLIENTS.c.id, SERVICES.c.name)
        joined = CLIENTS.join(SERVICES, CLIENTS.c.service_id == SERVICES.c.id)
        client = tx.connection.execute(select(*columns).select_from(joined).where(CLIENTS.c.client_id == client_id)).one_or_none()
        if client is None:
            raise SecurityNotFound
        given = (RELEASES.c.person_id == person_id, RELEASES.c.client_id == client.id, RELEASES.c.withdrawn_at.is_(None))
        tx.connection.execute(update(RELEASES).where(*given).values(withdrawn_at=now))
        live = (GRANTS.c.person_id == person_id, GRANTS.c.client_id == client.id, GRANTS.c.revoked_at.is_(None))
        tx.connection.execute(update(GRANTS).where(*live).values(revoked_at=now))
        tx.record(Event.RELEASE_WITHDRAWN, actor=f"person:{person_id}", object_id=client_id, channel="web")
        history.note(identity, tx, person_id, What.CONSENT_WITHDRAWN, {"service": client.name})
