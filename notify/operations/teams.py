"""Which services a person works on, and acting for one of them."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.models.base import scope_of
from notify.models.catalogue import KnownKey
from notify.models.notification import Notification
from notify.models.service import ApiKey, Service
from notify.models.team import Member, Right
from notify.operations.authentication import Holder
from notify.operations.services import register_service
from shared.problems import Forbidden, NotFound
from shared.web import gettext_noop

LATELY = timedelta(days=7)
SERVICES_MAX = 200
CONSOLE_KEY = "console"
NAME_CHARACTERS_MAX = 255


@dataclass(frozen=True)
class ServiceCard:
    """A service as the console shows it; `sent_lately` counts seven days."""

    id: uuid.UUID
    name: str
    org_id: str | None
    active: bool
    restricted: bool
    sent_lately: int = 0


def list_services(notify: Notify, member: Member, name: str = "") -> list[ServiceCard]:
    """Give the services this person works on, by name; with `name`, those whose name has it somewhere."""
    wanted = select(Service.id, Service.name, Service.org_id, Service.active, Service.restricted)
    if name:
        wanted = wanted.where(Service.name.icontains(name, autoescape=True))
    if not member.is_operator:
        wanted = wanted.where(Service.org_id.in_(member.organisations))
    since = notify.clock.now() - LATELY
    with notify.reading() as tx:
        rows = tx.connection.execute(wanted.order_by(Service.name, Service.id).limit(SERVICES_MAX)).all()
        counted = (
            select(Notification.service_id, func.count())
            .where(Notification.service_id.in_([row.id for row in rows]), Notification.created_at >= since, Notification.key_kind != "test")
            .group_by(Notification.service_id)
        )
        counts = {row[0]: int(row[1]) for row in tx.connection.execute(counted)}
    return [ServiceCard(**row._mapping, sent_lately=counts.get(row.id, 0)) for row in rows]


def open_service(notify: Notify, member: Member, service_id: uuid.UUID, right: Right) -> ServiceCard:
    """Give a service this person may do something on.  Raises: NotFound for a stranger, Forbidden for the wrong role."""
    wanted = select(Service.id, Service.name, Service.org_id, Service.active, Service.restricted).where(Service.id == service_id)
    with notify.reading() as tx:
        row = tx.connection.execute(wanted).one_or_none()
    if row is None or not member.may(Right.VIEW, row.org_id):
        raise NotFound(gettext_noop("There is no such service, or you do not work on it."))
    if not member.may(right, row.org_id):
        raise Forbidden(gettext_noop("Your role on this service does not include this."))
    return ServiceCard(**row._mapping)


def start_service(notify: Notify, member: Member, *, org_id: str, name: str) -> uuid.UUID:
    """Make a service on trial, ready to send to its own team.  Raises: Forbidden."""
    if not member.may(Right.MANAGE, org_id) or (member.is_operator and not org_id):
        raise Forbidden(gettext_noop("Your role on this service does not include this."))
    service_id = notify.ids.uuid4()
    register_service(notify, service_id, name=name, restricted=True, actor=member.actor, org_id=org_id, channel="console")
    return service_id


def acting_for(notify: Notify, member: Member, service_id: uuid.UUID) -> Holder:
    """Give the holder under which a person sends by hand: a key of kind `normal` whose secret was never shown to anybody.

    So nobody can sign with it; what a person sends is listed, limited and counted like any message.
    """
    key_id = uuid.uuid5(service_id, CONSOLE_KEY)
    service = notify.catalogue.find_service(service_id)
    if service is None:
        raise NotFound(gettext_noop("There is no such service, or you do not work on it."))
    if not service.active:
        raise Forbidden(gettext_noop("This service is closed. It sends nothing."))
    row = {
        "id": key_id,
        "service_id": service_id,
        "name": CONSOLE_KEY,
        "kind": "normal",
        "secret_sealed": notify.cipher.encrypt(str(notify.ids.uuid4()), scope=scope_of(service_id)),
        "created_by": "system",
        "created_at": notify.clock.now(),
    }
    with notify.transaction() as tx:
        if tx.connection.execute(select(ApiKey.id).where(ApiKey.id == key_id)).one_or_none() is None:
            tx.connection.execute(insert(ApiKey).values(row).on_conflict_do_nothing())
            notify.catalogue.forget()
    return Holder(service, KnownKey(key_id, "normal", ""), actor=member.actor)
