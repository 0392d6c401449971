"""One-click unsubscribe: what mail programs call, the page for people, and what services read of it.  Spec: notify-api §8; RFC 8058."""

import uuid

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import MessageNotValid
from notify.operations.unsubscribing import check_link, list_requests, mark_processed
from notify.operations.unsubscribing import unsubscribe as note_wish
from notify.routes.access import ServiceKey, WritingKey, holder
from notify.schemas.shapes import PROCESSED, PROCESSED_N, READING, REFUSALS, UNSUBSCRIBES
from notify.schemas.wire import parse_json
from notify.standards.wire_time import wire_time
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.openapi import describes
from shared.routes import Routes
from shared.web import page

unsubscribe = Routes("unsubscribe", __name__)
IDS_MAX = 250


@unsubscribe.post("/unsubscribe/<uuid:notification_id>/<token>", access=PUBLIC)
def from_mail(notification_id: uuid.UUID, token: str) -> ResponseReturnValue:
    """Note that a person wants no more; mail programs call this, without any session, and it changes nothing else."""
    note_wish(current(), notification_id, token)
    if request.form.get("from") == "page":
        return page("notify/unsubscribed.html")
    return jsonify({"result": "success", "message": "Unsubscribe successful"})


@unsubscribe.get("/unsubscribe/<uuid:notification_id>/<token>", access=PUBLIC_PAGE)
def ask(notification_id: uuid.UUID, token: str) -> ResponseReturnValue:
    """Ask whether a person wants no more: reading a link, as mail scanners do, is not a wish."""
    about = check_link(current(), notification_id, token)
    service = current().catalogue.find_service(uuid.UUID(about["service"]))
    response = page("notify/unsubscribe.html", sender=service.name if service else "", email=about["to"])
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@unsubscribe.get("/v2/unsubscribe-requests", access=ServiceKey())
@describes(answers={200: UNSUBSCRIBES, **READING})
def list_open() -> ResponseReturnValue:
    """Give the oldest wishes that the service has not marked as processed; ours, beside the contract."""
    found = list_requests(current(), holder().service.id)
    shown = [
        {
            "id": str(asked.id),
            "notification_id": str(asked.notification_id),
            "template_id": str(asked.template_id),
            "email_address": asked.email_address,
            "requested_at": wire_time(asked.requested_at),
        }
        for asked in found
    ]
    return jsonify({"unsubscribe_requests": shown})


@unsubscribe.post("/v2/unsubscribe-requests/processed", access=WritingKey())
@describes(body=PROCESSED, answers={200: PROCESSED_N, **REFUSALS})
def mark() -> ResponseReturnValue:
    """Note that the service has dealt with wishes: `{"ids": […]}`."""
    body = parse_json(request.get_data())
    ids = body.get("ids") if isinstance(body, dict) else None
    if not isinstance(ids, list) or len(ids) > IDS_MAX:
        raise MessageNotValid(f"ids must be a list of at most {IDS_MAX}")
    try:
        wanted = [uuid.UUID(text) for text in ids]
    except (ValueError, AttributeError, TypeError):
        raise MessageNotValid("ids is not a list of valid UUIDs") from None
    return jsonify({"processed": mark_processed(current(), holder().service.id, wanted, actor=holder().named)})
