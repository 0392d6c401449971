"""Take messages.  Spec: notify-api §4."""

from collections.abc import Mapping

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import MessageRefused
from notify.operations.precompiled import accept_precompiled, take_precompiled_limit
from notify.operations.requests import SendBody
from notify.operations.sends import Accepted, accept
from notify.routes.access import ServiceKey, base_url, holder, once_of_request
from notify.schemas.sends import read_precompiled, read_send
from notify.schemas.shapes import EMAIL, GONE, LETTER, MAILBOX, ONCE, REFUSALS, SENT, SENT_EMAIL, SENT_LETTER, SMS
from notify.schemas.wire import parse_json
from notify.standards.statuses import Channel
from notify.standards.wire_time import wire_time
from shared.openapi import describes
from shared.problems import NotFound
from shared.routes import Routes

BODY_BYTES_MAX = 8 * 1024 * 1024
sends = Routes("sends", __name__, url_prefix="/v2/notifications", access=ServiceKey())


@sends.post("/sms")
@describes(body=SMS, answers={201: SENT, **REFUSALS}, headers=ONCE)
def send_sms() -> ResponseReturnValue:
    """Take a text message."""
    accepted = _accept(Channel.SMS)
    return _answer(accepted, {"body": accepted.content.body, "from_number": accepted.sender})


@sends.post("/email")
@describes(body=EMAIL, answers={201: SENT_EMAIL, **REFUSALS}, headers=ONCE)
def send_email() -> ResponseReturnValue:
    """Take an email."""
    accepted = _accept(Channel.EMAIL)
    content = {
        "subject": accepted.content.subject,
        "body": accepted.content.body,
        "from_email": f"{holder().service.email_local_part}@{current().settings.email_domain}",
        "one_click_unsubscribe_url": accepted.unsubscribe_url,
    }
    return _answer(accepted, content, sanitised_content=accepted.sanitised)


@sends.post("/letter")
@describes(body=LETTER, answers={201: SENT_LETTER, **REFUSALS}, headers=ONCE)
def send_letter() -> ResponseReturnValue:
    """Take a letter made from a template, or one that comes as a file."""
    request.max_content_length = BODY_BYTES_MAX
    if _is_precompiled(request.get_data()):
        return _precompiled()
    accepted = _accept(Channel.LETTER)
    return _answer(accepted, {"subject": accepted.content.subject, "body": accepted.content.body})


def _is_precompiled(raw: bytes) -> bool:
    try:
        body = parse_json(raw)
    except MessageRefused:
        return False  # said again, after the limits
    return isinstance(body, dict) and "content" in body


def _precompiled() -> ResponseReturnValue:
    notify, once = current(), once_of_request()
    take_precompiled_limit(notify, holder(), once)
    body = read_precompiled(parse_json(request.get_data()))
    made = accept_precompiled(notify, holder(), body, once)
    return jsonify({"id": str(made), "reference": body.reference, "postage": body.postage}), 201


@sends.post("/<notification_id>")
@describes(answers={404: GONE})
def send_nothing(notification_id: str) -> ResponseReturnValue:  # noqa: ARG001 - so that the address is the one of reading
    """Refuse a channel that is none."""
    raise NotFound("There is no such channel.")


@sends.post("/mailbox")
@describes(body=MAILBOX, answers={201: SENT, **REFUSALS}, headers=ONCE)
def send_mailbox() -> ResponseReturnValue:
    """Take a mailbox message; ours, beside the contract."""
    accepted = _accept(Channel.MAILBOX)
    return _answer(accepted, {"subject": accepted.content.subject, "body": accepted.content.body})


def _accept(channel: Channel) -> Accepted:
    notify = current()
    request.max_content_length = BODY_BYTES_MAX

    def body() -> SendBody:
        return read_send(channel, parse_json(request.get_data()), notify.clock.now(), holder().service.rules.number_region)

    return accept(notify, holder(), channel, body, once_of_request())


def _answer(accepted: Accepted, content: Mapping[str, object], **more: object) -> ResponseReturnValue:
    root = base_url()
    template = accepted.template
    return jsonify(
        {
            "id": str(accepted.id),
            "reference": accepted.reference,
            "content": content,
            "uri": f"{root}/v2/notifications/{accepted.id}",
            "template": {
                "id": str(template.id),
                "version": template.version,
                "uri": f"{root}/services/{template.service_id}/templates/{template.id}",
            },
            "scheduled_for": wire_time(accepted.scheduled_for),
            **more,
        }
    ), 201
