"""Write to a person by the channel that person wants, and set reminders; ours, beside the contract."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.person_sends import send_to_person
from notify.operations.reminders import cancel_set, get_set, list_reminders, set_reminders
from notify.routes.access import ServiceKey, base_url, holder, once_of_request
from notify.schemas.people import read_person, read_reminder, show_reminders
from notify.schemas.queries import wire_uuid
from notify.schemas.shapes import ONCE, PERSON, READING, REFUSALS, REMINDER, REMINDERS, REMINDERS_LISTED, REMINDERS_QUERY, SENT_PERSON
from notify.schemas.wire import parse_json
from shared.openapi import describes
from shared.routes import Routes

people = Routes("people", __name__, url_prefix="/v2", access=ServiceKey())


@people.post("/notifications/person")
@describes(body=PERSON, answers={201: SENT_PERSON, **REFUSALS}, headers=ONCE)
def send() -> ResponseReturnValue:
    """Take a message to a person; `channel` of the answer says which way it goes."""
    accepted = send_to_person(
        current(), holder(), read_person(parse_json(request.get_data()), holder().service.rules.number_region), once_of_request()
    )
    root, template = base_url(), accepted.template
    return jsonify(
        {
            "id": str(accepted.id),
            "channel": template.channel,
            "reference": accepted.reference,
            "content": {"subject": accepted.content.subject, "body": accepted.content.body},
            "uri": f"{root}/v2/notifications/{accepted.id}",
            "template": {
                "id": str(template.id),
                "version": template.version,
                "uri": f"{root}/services/{template.service_id}/templates/{template.id}",
            },
        }
    ), 201


@people.post("/reminders")
@describes(body=REMINDER, answers={201: REMINDERS, **REFUSALS}, headers=ONCE)
def remind() -> ResponseReturnValue:
    """Set reminders ahead of a date, or while a mailbox message is unread."""
    notify = current()
    wanted = read_reminder(parse_json(request.get_data()), notify.zone, notify.clock.now(), holder().service.rules.number_region)
    return jsonify(show_reminders(set_reminders(notify, holder(), wanted, once_of_request()))), 201


@people.get("/reminders")
@describes(query=REMINDERS_QUERY, answers={200: REMINDERS_LISTED, **READING})
def list_waiting() -> ResponseReturnValue:
    """Give a page of the reminders that wait, the next first; `after` is what the page before said."""
    after = request.args.get("after")
    found = list_reminders(current(), holder().service.id, None if after is None else wire_uuid(after, "after"))
    shown = [show_reminders([each]) for each in found.reminders]
    return jsonify({"reminders": shown, "next_after": str(found.next_after) if found.next_after else None})


@people.get("/reminders/<set_id>")
@describes(answers={200: REMINDERS, **READING})
def read_one(set_id: str) -> ResponseReturnValue:
    """Give the reminders of one request."""
    return jsonify(show_reminders(get_set(current(), holder().service.id, wire_uuid(set_id, "id"))))


@people.post("/reminders/<set_id>/cancel")
@describes(answers={200: REMINDERS, **READING})
def cancel(set_id: str) -> ResponseReturnValue:
    """Cancel what of a request still waits."""
    who = holder()
    return jsonify(show_reminders(cancel_set(current(), who.service.id, wire_uuid(set_id, "id"), actor=who.named, holder=who)))
