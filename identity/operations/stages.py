"""Who reaches which service: made-up persons the services on trial of their own team, real ones the live ones (§3.11).

On trial a service is also reached by its team.  In the sandbox everybody reaches everything, since all are made up there.
"""

from uuid import UUID

from sqlalchemy import Connection, or_, select

from identity.context import Identity
from identity.errors import AccessDenied
from identity.models.base import table_of
from identity.models.client_store import SERVICES, KnownClient
from identity.models.finders import MEMBERS
from identity.models.service import OWN, Stage
from identity.models.trial_person import TrialPerson

TRIAL_PERSONS = table_of(TrialPerson)


def trial_team_of(connection: Connection, person_id: UUID) -> UUID | None:
    """Return for which organisation a person was made up; None for real ones."""
    query = select(TRIAL_PERSONS.c.organisation_id).where(TRIAL_PERSONS.c.person_id == person_id)
    return connection.execute(query).scalar_one_or_none()


def check(identity: Identity, connection: Connection, client: KnownClient, person_id: UUID) -> None:
    """Raises: AccessDenied where the person and the stage of the client's service do not go together."""
    if client.client_id == OWN:
        return
    joined = SERVICES.outerjoin(TRIAL_PERSONS, TRIAL_PERSONS.c.person_id == person_id)
    columns = (SERVICES.c.stage, SERVICES.c.organisation_id, TRIAL_PERSONS.c.organisation_id.label("team_id"))
    row = connection.execute(select(*columns).select_from(joined).where(SERVICES.c.service_id == client.service_id)).one()
    if row.team_id is not None:
        if row.stage != Stage.TRIAL or row.team_id != row.organisation_id:
            raise AccessDenied("a made-up person reaches the services on trial of their own team only")
        return
    is_open = row.stage == Stage.LIVE or identity.settings.is_sandbox
    if not is_open and not _is_member(identity, connection, person_id, row.organisation_id):
        raise AccessDenied("this service is on trial: only its team and its made-up persons reach it")


def _is_member(identity: Identity, connection: Connection, person_id: UUID, organisation_id: UUID) -> bool:
    lasting = or_(MEMBERS.c.expires_at.is_(None), MEMBERS.c.expires_at > identity.clock.now())
    query = select(MEMBERS.c.id).where(MEMBERS.c.person_id == person_id, MEMBERS.c.organisation_id == organisation_id, lasting)
    return connection.execute(query.limit(1)).one_or_none() is not None
