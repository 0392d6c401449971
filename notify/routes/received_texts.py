"""Texts that people sent to the service.  Spec: notify-api §7."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.received_texts import list_texts
from notify.routes.access import ServiceKey, base_url, holder
from notify.schemas.queries import older_query
from notify.schemas.shapes import OLDER_QUERY, READING, RECEIVED
from notify.standards.wire_time import wire_time
from shared.openapi import describes
from shared.routes import Routes

received_texts = Routes("received_texts", __name__, access=ServiceKey())


@received_texts.get("/v2/received-text-messages")
@describes(query=OLDER_QUERY, answers={200: RECEIVED, **READING})
def list_all() -> ResponseReturnValue:
    """Give a page of texts that people sent to the service, newest first."""
    found = list_texts(current(), holder().service.id, older_query(request.args.to_dict(flat=False)))
    address = f"{base_url()}/v2/received-text-messages"
    links = {"current": address}
    if found:
        links["next"] = f"{address}?older_than={found[-1].id}"
    texts = [
        {
            "id": str(text.id),
            "user_number": text.user_number,
            "notify_number": text.notify_number,
            "created_at": wire_time(text.created_at),
            "service_id": str(text.service_id),
            "content": text.content,
        }
        for text in found
    ]
    return jsonify({"received_text_messages": texts, "links": links})
