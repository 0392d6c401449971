"""The public catalogue of services: made of the register itself, so that it is never behind (SH-8, SH-9)."""

from sqlalchemy import select

from identity.context import Identity
from identity.models.organisation import Organisation
from identity.models.service import OWN, Service
from shared.clock import rfc3339

Row = dict[str, object]
COLUMNS = (
    "service_id",
    "name",
    "organisation",
    "kind",
    "purpose",
    "owner",
    "contact_email",
    "legal_basis",
    "channels",
    "stage",
    "release_basis",
    "start_url",
    "since",
)


def list_services(identity: Identity) -> list[Row]:
    """Return every service with its owner and contact, by organisation and name."""
    query = select(Service, Organisation).join(Organisation, Service.organisation_id == Organisation.id)
    with identity.reading() as tx:
        rows = tx.session.execute(query.where(Service.service_id != OWN).order_by(Organisation.name, Service.name)).all()
    return [_row(service, organisation) for service, organisation in rows]


def _row(service: Service, organisation: Organisation) -> Row:
    named = ("service_id", "name", "purpose", "owner", "contact_email", "legal_basis", "stage", "release_basis", "start_url")
    row: Row = {name: getattr(service, name) for name in named}
    row |= {"organisation": organisation.name, "kind": organisation.kind, "channels": list(service.channels)}
    row["since"] = rfc3339(service.live_at or service.created_at)
    return {name: row[name] for name in COLUMNS}
