"""What the operator sets for a service: how much it may send, and whether it is open.  Spec: notify-api §2, §11, §20."""

import uuid
from collections.abc import Mapping

from sqlalchemy import select, update

from notify.context import Notify
from notify.errors import MessageRefused
from notify.events import Event
from notify.models.service import Service
from notify.models.team import Member
from shared.web import gettext_noop

LIMITS = ("rate_per_minute", "daily_email", "daily_sms", "daily_international_sms", "daily_letter", "daily_mailbox")
LIMIT_MAX = 1_000_000_000


def limits_of(notify: Notify, service_id: uuid.UUID) -> dict[str, int]:
    """Give what a service may send in a minute, and in a day by channel."""
    with notify.reading() as tx:
        row = tx.connection.execute(select(Service.__table__).where(Service.id == service_id)).one()
    return {name: getattr(row, name) for name in LIMITS}


def set_limits(notify: Notify, member: Member, service_id: uuid.UUID, limits: Mapping[str, int]) -> None:
    """Set all of them; they count within two seconds.  Raises: MessageRefused."""
    if set(limits) != set(LIMITS) or not all(0 <= number <= LIMIT_MAX for number in limits.values()):
        raise MessageRefused(gettext_noop("A limit is a whole number of at most 1,000,000,000."))
    _change(notify, member, service_id, dict(limits))


def set_open(notify: Notify, member: Member, service_id: uuid.UUID, *, is_open: bool) -> None:
    """Close a service, whose keys then open nothing, or open it again."""
    _change(notify, member, service_id, {"active": is_open})


def _change(notify: Notify, member: Member, service_id: uuid.UUID, values: dict[str, int]) -> None:
    data: dict[str, str | int | bool | list[str]] = {**values}
    with notify.transaction() as tx:
        tx.connection.execute(update(Service).where(Service.id == service_id).values(values))
        tx.record(Event.SERVICE_CHANGED, actor=member.actor, object_id=str(service_id), channel="console", data=data)
    notify.catalogue.forget()
