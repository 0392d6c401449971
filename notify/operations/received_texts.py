"""Texts that people send to a service: taken from the network once, read by the service for a week.  Spec: notify-api §7, §19."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import and_, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.errors import MessageRefused
from notify.events import Event
from notify.models.base import scope_of
from notify.models.received_text import InboundNumber, ReceivedText
from notify.models.team import Member
from notify.operations.callbacks import INBOUND_SMS, News, enqueue_event
from notify.standards.phone_number import InvalidPhoneNumber, phone_number
from notify.standards.wire_time import wire_time
from shared.web import gettext_noop

PAGE_SIZE = 250
SHOWN_SIZE = 50
DIGITS_MIN = 3
KEPT = timedelta(days=7)
CONTENT_MAX = 10_000

log = structlog.get_logger("andamio.notify.received_texts")


@dataclass(frozen=True)
class Received:
    """One text as the service reads it."""

    id: uuid.UUID
    service_id: uuid.UUID
    user_number: str = field(repr=False)
    notify_number: str
    content: str = field(repr=False)
    created_at: datetime


@dataclass(frozen=True)
class Incoming:
    """One text as a network tells it; `reference` is the network's own and makes a repeat known."""

    provider: str
    reference: str
    source: str = field(repr=False)
    destination: str
    content: str = field(repr=False)


def give_number(notify: Notify, service_id: uuid.UUID, number: str) -> None:
    """Give a service a number that people can write to, or leave the one it has."""
    row = {"number": digits(number), "service_id": service_id, "created_at": notify.clock.now()}
    with notify.db.begin() as connection:
        connection.execute(insert(InboundNumber).values(row).on_conflict_do_nothing())


def numbers_of(notify: Notify, service_id: uuid.UUID) -> list[str]:
    """Give the numbers at which people write to a service."""
    wanted = select(InboundNumber.number).where(InboundNumber.service_id == service_id).order_by(InboundNumber.number)
    with notify.reading() as tx:
        return list(tx.connection.execute(wanted).scalars())


def assign_number(notify: Notify, member: Member, service_id: uuid.UUID, number: str) -> None:
    """Give a service a number; again is harmless.  Raises: MessageRefused for what is no number, or is another service's."""
    wanted = digits(number)
    if len(wanted) < DIGITS_MIN:
        raise MessageRefused(gettext_noop("Write the number with its country's prefix, or a short code."))
    row = {"number": wanted, "service_id": service_id, "created_at": notify.clock.now()}
    with notify.transaction() as tx:
        if tx.connection.execute(insert(InboundNumber).values(row).on_conflict_do_nothing()).rowcount:
            tx.record(Event.NUMBER_GIVEN, actor=member.actor, object_id=str(service_id), channel="console", data={"number": wanted})
            return
        owner = tx.connection.execute(select(InboundNumber.service_id).where(InboundNumber.number == wanted)).scalar_one()
    if owner != service_id:
        raise MessageRefused(gettext_noop("Another service has this number."))


def release_number(notify: Notify, member: Member, service_id: uuid.UUID, number: str) -> None:
    """Take a number from a service; texts that came stay with it for their week.  Again is harmless."""
    own = (InboundNumber.number == number) & (InboundNumber.service_id == service_id)
    with notify.transaction() as tx:
        if tx.connection.execute(delete(InboundNumber).where(own)).rowcount:
            tx.record(Event.NUMBER_RELEASED, actor=member.actor, object_id=str(service_id), channel="console", data={"number": number})


def digits(number: str) -> str:
    """Give a number in the form numbers are compared in, a short code as it is."""
    try:
        return phone_number(number).e164
    except InvalidPhoneNumber:
        return "".join(character for character in number if character.isascii() and character.isdigit())[:20]


def take_text(notify: Notify, incoming: Incoming) -> uuid.UUID | None:
    """Keep a text for the service whose number it came to; None for nobody's number or a repeat."""
    number = digits(incoming.destination)
    with notify.transaction() as tx:
        service_id = tx.connection.execute(select(InboundNumber.service_id).where(InboundNumber.number == number)).scalar_one_or_none()
        if service_id is None:
            log.warning("text to nobody's number", provider=incoming.provider)
            return None
        sealed = json.dumps({"from": digits(incoming.source) or incoming.source[:20], "content": incoming.content[:CONTENT_MAX]})
        received = notify.ids.uuid7()
        row = {
            "id": received,
            "service_id": service_id,
            "notify_number": incoming.destination[:20],
            "sealed": notify.cipher.encrypt(sealed, scope=scope_of(service_id)),
            "provider": incoming.provider[:40],
            "provider_reference": (incoming.reference or str(notify.ids.uuid4()))[:200],
            "created_at": notify.clock.now(),
        }
        if not tx.connection.execute(insert(ReceivedText).values(row).on_conflict_do_nothing()).rowcount:
            return None
        told = {
            "id": str(received),
            "source_number": digits(incoming.source) or incoming.source[:20],
            "destination_number": incoming.destination[:20],
            "message": incoming.content[:CONTENT_MAX],
            "date_received": wire_time(notify.clock.now()),
        }
        enqueue_event(notify, tx, News(service_id, INBOUND_SMS, received, told))
        tx.record(Event.TEXT_RECEIVED, actor=f"provider:{incoming.provider}", object_id=str(received), channel="receipt")
    return received


def read_texts(notify: Notify, member: Member, service_id: uuid.UUID, older_than: uuid.UUID | None) -> tuple[list[Received], bool]:
    """Give a page of what a service received, and whether older ones follow; note who looked."""
    found = list_texts(notify, service_id, older_than, size=SHOWN_SIZE + 1)
    if found:
        with notify.transaction() as tx:
            tx.record(Event.TEXTS_VIEWED, actor=member.actor, object_id=str(service_id), channel="console")
    return found[:SHOWN_SIZE], len(found) > SHOWN_SIZE


def list_texts(notify: Notify, service_id: uuid.UUID, older_than: uuid.UUID | None, *, size: int = PAGE_SIZE) -> list[Received]:
    """Give a page of what a service received, newest first; after an unknown id an empty one."""
    table = ReceivedText
    wanted = select(table.__table__).where(table.service_id == service_id, table.created_at >= notify.clock.now() - KEPT)
    with notify.reading() as tx:
        if older_than is not None:
            last = tx.connection.execute(wanted.where(table.id == older_than)).one_or_none()
            if last is None:
                return []
            wanted = wanted.where(or_(table.created_at < last.created_at, and_(table.created_at == last.created_at, table.id < last.id)))
        rows = tx.connection.execute(wanted.order_by(table.created_at.desc(), table.id.desc()).limit(size)).all()
    opened = [(row, json.loads(notify.cipher.decrypt(row.sealed, scope=scope_of(service_id)))) for row in rows]
    return [Received(row.id, service_id, text["from"], row.notify_number, text["content"], row.created_at) for row, text in opened]
