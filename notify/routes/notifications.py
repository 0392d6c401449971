"""Read what became of messages.  Spec: notify-api §5."""

from urllib.parse import urlencode

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.cancelling import cancel
from notify.operations.message_proof import prove_message
from notify.operations.notifications import get_notification, get_pdf, list_notifications
from notify.routes.access import ServiceKey, WritingKey, base_url, holder
from notify.schemas.notifications import show, show_proof
from notify.schemas.queries import list_query, wire_uuid
from notify.schemas.shapes import LIST_QUERY, NOTIFICATION, NOTIFICATIONS, PROOF, READING
from shared.openapi import describes
from shared.routes import Routes

notifications = Routes("notifications", __name__, url_prefix="/v2/notifications", access=ServiceKey())


@notifications.get("")
@describes(query=LIST_QUERY, answers={200: NOTIFICATIONS, **READING})
def list_all() -> ResponseReturnValue:
    """Give a page of the service's notifications, newest first."""
    arguments = request.args.to_dict(flat=False)
    found = list_notifications(current(), holder(), list_query(arguments))
    root = base_url()
    address = f"{root}/v2/notifications"
    links = {"current": f"{address}?{urlencode(arguments, doseq=True)}" if arguments else address}
    if found:
        filters = [(name, value) for name, values in arguments.items() if name != "older_than" for value in values]
        links["next"] = f"{address}?{urlencode([*filters, ('older_than', str(found[-1].message.id))])}"
    return jsonify({"notifications": [show(item, root) for item in found], "links": links})


@notifications.get("/<notification_id>")
@describes(answers={200: NOTIFICATION, **READING})
def read_one(notification_id: str) -> ResponseReturnValue:
    """Give one notification."""
    found = get_notification(current(), holder(), wire_uuid(notification_id, "notification_id"))
    return jsonify(show(found, base_url()))


@notifications.post("/<notification_id>/cancel", access=WritingKey())
@describes(answers={200: NOTIFICATION, **READING})
def cancel_one(notification_id: str) -> ResponseReturnValue:
    """Cancel a message that has not left; ours, beside the contract."""
    found = cancel(current(), holder(), wire_uuid(notification_id, "notification_id"))
    return jsonify(show(found, base_url()))


@notifications.get("/<notification_id>/proof", access=WritingKey())
@describes(answers={200: PROOF, **READING})
def prove_one(notification_id: str) -> ResponseReturnValue:
    """Give the proof of a message with the log's own proofs; ours, beside the contract."""
    found = prove_message(current(), holder(), wire_uuid(notification_id, "notification_id"), actor=f"api-key:{holder().key.id}")
    return jsonify(show_proof(found, base_url()))


@notifications.get("/<notification_id>/pdf")
@describes(answers={200: {"type": "string", "format": "binary"}}, media_type="application/pdf")
def read_pdf(notification_id: str) -> ResponseReturnValue:
    """Give a letter's PDF."""
    pdf = get_pdf(current(), holder(), wire_uuid(notification_id, "notification_id"))
    return Response(pdf, content_type="application/pdf")
