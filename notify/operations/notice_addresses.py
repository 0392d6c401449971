"""Whom of a team problems of its service are told to: addresses that its managers set, else the one for replies."""

import json
import uuid
from collections.abc import Sequence

from sqlalchemy import select, update

from notify.context import Notify
from notify.errors import MessageRefused
from notify.events import Event
from notify.models.base import scope_of
from notify.models.service import Service
from notify.models.team import Member
from notify.standards.email_address import InvalidEmailAddress, email_address
from notify.standards.statuses import Channel
from shared.web import gettext_noop

ADDRESSES_MAX = 5


def addresses_of(notify: Notify, service_id: uuid.UUID) -> list[str]:
    """Give the addresses that were set, none where none were."""
    with notify.reading() as tx:
        sealed = tx.connection.execute(select(Service.notices_sealed).where(Service.id == service_id)).scalar_one_or_none()
    found: list[str] = json.loads(notify.cipher.decrypt(sealed, scope=scope_of(service_id))) if sealed else []
    return found


def set_addresses(notify: Notify, member: Member, service_id: uuid.UUID, addresses: Sequence[str]) -> None:
    """Set them; none means the address for replies.  Raises: MessageRefused."""
    if len(addresses) > ADDRESSES_MAX:
        raise MessageRefused(gettext_noop("Write at most five addresses."))
    try:
        wanted = list(dict.fromkeys(email_address(address) for address in addresses))
    except InvalidEmailAddress as fault:
        raise MessageRefused(str(fault)) from None
    sealed = notify.cipher.encrypt(json.dumps(wanted), scope=scope_of(service_id)) if wanted else None
    with notify.transaction() as tx:
        tx.connection.execute(update(Service).where(Service.id == service_id).values(notices_sealed=sealed))
        told: dict[str, str | int | bool | list[str]] = {"notice_addresses": len(wanted)}
        tx.record(Event.SERVICE_CHANGED, actor=member.actor, object_id=str(service_id), channel="console", data=told)


def whom_to_tell(notify: Notify, service_id: uuid.UUID) -> list[str]:
    """Give where a team hears of problems; nowhere where it set no address of either kind."""
    service = notify.catalogue.find_service(service_id)
    reply_to = service.default_sender(Channel.EMAIL) if service else None
    return addresses_of(notify, service_id) or ([reply_to] if reply_to else [])
