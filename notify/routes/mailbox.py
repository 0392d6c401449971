"""A person's mailbox, read by an app that the person signed in to."""

import uuid

from flask import g, jsonify
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.mailbox import list_mailbox, mark_read
from notify.schemas.mailbox import show_item
from shared.access import Scope
from shared.problems import NotFound
from shared.routes import Routes

mailbox = Routes("mailbox", __name__, url_prefix="/v1/mailbox", access=Scope("notify:mailbox"))


@mailbox.get("/messages")
def list_all() -> ResponseReturnValue:
    """Give the person's messages, newest first."""
    return jsonify({"messages": [show_item(item) for item in list_mailbox(current(), g.caller)]})


@mailbox.post("/messages/<message_id>/read")
def read_one(message_id: str) -> ResponseReturnValue:
    """Note that the person has read a message; the first time counts."""
    try:
        item = mark_read(current(), g.caller, uuid.UUID(message_id))
    except ValueError:
        raise NotFound("There is no such message.") from None
    return jsonify(show_item(item))
