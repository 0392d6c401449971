"""Where a service is told of each kind of news, for its team: look, try, end.  Spec: notify-api §18."""

import uuid
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from notify.context import Notify
from notify.errors import MessageRefused
from notify.events import Event
from notify.models.callback import KINDS, CallbackCall, ServiceCallback
from notify.models.team import Member
from notify.operations.callbacks import COMPLAINT, DELIVERY_STATUS, INBOUND_SMS, RETURNED_LETTER, News, Told, enqueue_event
from notify.standards.wire_time import wire_time
from shared.web import gettext_noop


@dataclass(frozen=True)
class CallbackLine:
    """One kind of news; `url` is empty where nobody is told."""

    kind: str
    url: str


def list_callbacks(notify: Notify, service_id: uuid.UUID) -> list[CallbackLine]:
    """Give where a service is told of each kind."""
    wanted = select(ServiceCallback.kind, ServiceCallback.url).where(ServiceCallback.service_id == service_id)
    with notify.reading() as tx:
        known = {row.kind: row.url for row in tx.connection.execute(wanted)}
    return [CallbackLine(kind, known.get(kind, "")) for kind in KINDS]


def end_callback(notify: Notify, member: Member, service_id: uuid.UUID, kind: str) -> None:
    """Tell a service no more of a kind, nor what still waits to be told; again is harmless."""
    own = (ServiceCallback.service_id == service_id) & (ServiceCallback.kind == kind)
    with notify.transaction() as tx:
        if tx.connection.execute(delete(ServiceCallback).where(own)).rowcount:
            waiting = (CallbackCall.service_id == service_id) & (CallbackCall.kind == kind) & (CallbackCall.state == Told.WAITING.value)
            tx.connection.execute(update(CallbackCall).where(waiting).values(state=Told.GIVEN_UP.value))
            tx.record(Event.CALLBACK_ENDED, actor=member.actor, object_id=str(service_id), channel="console", data={"kind": kind})
    notify.catalogue.forget()


def try_callback(notify: Notify, member: Member, service_id: uuid.UUID, kind: str) -> None:
    """Tell a service an example of a kind, as it would be told in earnest, about an object that is not there.  Raises: MessageRefused."""
    notify.catalogue.forget()
    service = notify.catalogue.find_service(service_id)
    if service is None or kind not in service.callbacks:
        raise MessageRefused(gettext_noop("First say where to tell it."))
    made = notify.ids.uuid7()
    with notify.transaction() as tx:
        enqueue_event(notify, tx, News(service_id, kind, made, example(kind, made, wire_time(notify.clock.now()) or "")))
        tx.record(Event.CALLBACK_TRIED, actor=member.actor, object_id=str(service_id), channel="console", data={"kind": kind})


def example(kind: str, made: uuid.UUID, now: str) -> dict[str, object]:
    """Give the body of an example: every field of its kind, `reference` (or the words) saying that it is one."""
    test = "test"
    facts: dict[str, dict[str, object]] = {
        DELIVERY_STATUS: {
            "id": str(made),
            "reference": test,
            "to": "+56900000000",
            "status": "delivered",
            "created_at": now,
            "completed_at": now,
            "sent_at": now,
            "notification_type": "sms",
            "template_id": str(made),
            "template_version": 1,
        },
        INBOUND_SMS: {
            "id": str(made),
            "source_number": "56900000000",
            "destination_number": "56900000001",
            "message": test,
            "date_received": now,
        },
        COMPLAINT: {
            "notification_id": str(made),
            "complaint_id": str(made),
            "reference": test,
            "to": "test@example.com",
            "complaint_date": now,
        },
        RETURNED_LETTER: {
            "notification_id": str(made),
            "reference": test,
            "date_sent": now,
            "sent_by": None,
            "template_name": test,
            "template_id": str(made),
            "template_version": 1,
            "spreadsheet_file_name": None,
            "spreadsheet_row_number": None,
            "upload_letter_file_name": None,
        },
    }
    return facts[kind]
