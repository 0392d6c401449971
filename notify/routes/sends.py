"""Take messages.  Spec: notify-api §4."""

from collections.abc import Mapping

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.requests import SendBody
from notify.operations.sends import Accepted, accept
from notify.routes.access import ServiceKey, holder
from notify.schemas.sends import read_send
from notify.schemas.wire import parse_json
from notify.standards.statuses import Channel
from notify.standards.wire_time import wire_time
from shared.routes import Routes

BODY_BYTES_MAX = 8 * 1024 * 1024
sends = Routes("sends", __name__, url_prefix="/v2/notifications", access=ServiceKey())


@sends.post("/sms")
def send_sms() -> ResponseReturnValue:
    """Take a text message."""
    accepted = _accept(Channel.SMS)
    return _answer(accepted, {"body": accepted.content.body, "from_number": accepted.sender})


@sends.post("/email")
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
def send_letter() -> ResponseReturnValue:
    """Take a letter made from a template."""
    accepted = _accept(Channel.LETTER)
    return _answer(accepted, {"subject": accepted.content.subject, "body": accepted.content.body})


@sends.post("/mailbox")
def send_mailbox() -> ResponseReturnValue:
    """Take a mailbox message; ours, beside the contract."""
    accepted = _accept(Channel.MAILBOX)
    return _answer(accepted, {"subject": accepted.content.subject, "body": accepted.content.body})


def _accept(channel: Channel) -> Accepted:
    notify = current()
    request.max_content_length = BODY_BYTES_MAX

    def body() -> SendBody:
        return read_send(channel, parse_json(request.get_data(cache=False)), notify.clock.now())

    return accept(notify, holder(), channel, body)


def _answer(accepted: Accepted, content: Mapping[str, object], **more: object) -> ResponseReturnValue:
    root = request.url_root.rstrip("/")
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
