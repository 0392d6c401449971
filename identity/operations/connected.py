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
    """One client with which a person signed in; `claims` are what it may know, `asks` whether the person was asked for them.

    `last_used_at` is none where that is so long ago that it is not kept.
    """

    client_id: str
    service: str
    organisation: str
    last_used_at: datetime | None
    claims: tuple[str, ...]
    asks: bool


def list_connected(identity: Identity, person_id: UUID) -> list[Connected]:
    """Return the services with which a person signed in and that still may come back, the latest first.

    What she let one have holds until she takes it back, also when all sign-ins there are so old that they are not kept.
    """
    joined = CLIENTS.join(SERVICES, CLIENTS.c.service_id == SERVICES.c.id)
    joined = joined.join(ORGANISATIONS, SERVICES.c.organisation_id == ORGANISATIONS.c.id)
    columns = (CLIENTS.c.client_id, CLIENTS.c.id, SERVICES.c.name, ORGANISATIONS.c.name.label("organisation"))
    at = func.max(GRANTS.c.created_at)
    used = select(*columns, at.label("at")).select_from(joined.join(GRANTS, GRANTS.c.client_id == CLIENTS.c.id)).group_by(*columns)
    used = used.where(GRANTS.c.person_id == person_id, GRANTS.c.revoked_at.is_(None), CLIENTS.c.client_id != OWN).order_by(at.desc())
    given = select(*columns, RELEASES.c.claims).select_from(joined.join(RELEASES, RELEASES.c.client_id == CLIENTS.c.id))
    given = given.where(RELEASES.c.person_id == person_id, RELEASES.c.withdrawn_at.is_(None)).order_by(RELEASES.c.version)
    with identity.reading() as tx:
        rows, held = tx.connection.execute(used).all(), tx.connection.execute(given).all()
    last = {row.id: row.at for row in rows}
    claims: dict[UUID, dict[str, None]] = {}
    for row in held:
        claims.setdefault(row.id, {}).update(dict.fromkeys(row.claims))
    every = {row.id: row for row in (*rows, *held)}
    return [
        Connected(row.client_id, row.name, row.organisation, last.get(own_id), tuple(claims.get(own_id, ())), own_id in claims)
        for own_id, row in every.items()
    ]


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
