"""A person's mailbox, read by an app that the person signed in to."""

import uuid

from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from notify.context import current
from notify.operations.mailbox import MESSAGES_MAX, NO_MESSAGE, get_file, get_item, list_mailbox, mark_read
from notify.operations.mailbox_reminders import Wish, find_wish, forget_wish, keep_wish
from notify.operations.preferences import Preference, find_preference, forget_preference, keep_preference
from notify.routes.access import MailboxReader
from notify.schemas.mailbox import PreferenceSchema, ReminderSchema, show_item, show_proof
from notify.schemas.person_shapes import (
    MESSAGE,
    MESSAGE_PROOF,
    MESSAGES,
    MESSAGES_QUERY,
    PREFERENCE,
    PREFERENCE_KEPT,
    REMINDER_KEPT,
    REMINDER_WISH,
)
from notify.standards.mime import Attachment
from notify.standards.statuses import Channel
from notify.standards.wire_time import wire_time
from shared.bodies import read_json
from shared.openapi import describes
from shared.problems import InvalidRequest, NotFound
from shared.routes import Routes

mailbox = Routes("mailbox", __name__, url_prefix="/v1/mailbox", access=MailboxReader())
BODY_BYTES_MAX = 4 * 1024
LIMIT_DIGITS_MAX = 3


@mailbox.get("/messages")
@describes(query=MESSAGES_QUERY, answers={200: MESSAGES})
def list_all() -> ResponseReturnValue:
    """Give a page of the person's messages, newest first: `older_than` names the message it starts after, `limit` how many."""
    found = list_mailbox(current(), g.caller, _older_than(), size=_limit())
    after = str(found.next_older_than) if found.next_older_than else None
    return jsonify({"messages": [show_item(item) for item in found.items], "next_older_than": after})


@mailbox.get("/messages/<message_id>")
@describes(answers={200: MESSAGE})
def show_one(message_id: str) -> ResponseReturnValue:
    """Give one message of the person, without counting it as read."""
    return jsonify(show_item(get_item(current(), g.caller, _id(message_id))))


@mailbox.post("/messages/<message_id>/read")
@describes(answers={200: MESSAGE})
def read_one(message_id: str) -> ResponseReturnValue:
    """Note that the person has read a message; the first time counts."""
    return jsonify(show_item(mark_read(current(), g.caller, _id(message_id))))


@mailbox.get("/messages/<message_id>/attachments/<int:position>")
@describes(answers={200: {"type": "string", "format": "binary"}}, media_type="application/octet-stream")
def read_file(message_id: str, position: int) -> ResponseReturnValue:
    """Give a file of a message that was opened."""
    return file_answer(get_file(current(), g.caller, _id(message_id), position))


@mailbox.get("/messages/<message_id>/proof")
@describes(answers={200: MESSAGE_PROOF})
def prove_one(message_id: str) -> ResponseReturnValue:
    """Give the proof of when a message was placed and opened."""
    return jsonify(show_proof(get_item(current(), g.caller, _id(message_id)), current().settings.public_url))


@mailbox.get("/reminders")
@describes(answers={200: REMINDER_KEPT})
def show_reminders() -> ResponseReturnValue:
    """Give how the person wants to be reminded of what is unread, null where not at all; `returned_at`: since when that mail comes back."""
    wish = find_wish(current(), g.caller)
    shown = {"channel": wish.channel, "to": wish.to, "after_days": wish.after_days, "language": wish.language} if wish else None
    return jsonify({"reminder": shown, "returned_at": wire_time(wish.returned_at) if wish else None})


@mailbox.put("/reminders")
@describes(body=REMINDER_WISH, answers={200: REMINDER_KEPT})
def set_reminders() -> ResponseReturnValue:
    """Keep how the person wants to be reminded."""
    body = read_json(max_bytes=BODY_BYTES_MAX)
    try:
        wish = Wish(**ReminderSchema().load(body if isinstance(body, dict) else {}))
    except ValidationError:
        raise InvalidRequest("Send channel (email or sms), to, and if you want after_days (0 to 30) and language.") from None
    keep_wish(current(), g.caller, wish)
    return show_reminders()


@mailbox.delete("/reminders")
@describes(answers={204: None})
def end_reminders() -> ResponseReturnValue:
    """End reminders."""
    forget_wish(current(), g.caller)
    return "", 204


@mailbox.get("/preferences")
@describes(answers={200: PREFERENCE_KEPT})
def show_preferences() -> ResponseReturnValue:
    """Give how the person wants to be written to; null where nothing was said."""
    wish = find_preference(current(), g.caller)
    shown = {"channels": list(wish.channels), "email": wish.email or None, "phone": wish.phone or None} if wish else None
    return jsonify({"preference": shown})


@mailbox.put("/preferences")
@describes(body=PREFERENCE, answers={200: PREFERENCE_KEPT})
def set_preferences() -> ResponseReturnValue:
    """Keep how the person wants to be written to."""
    body = read_json(max_bytes=BODY_BYTES_MAX)
    try:
        asked = PreferenceSchema().load(body if isinstance(body, dict) else {})
    except ValidationError:
        raise InvalidRequest("Send channels, the best first (mailbox, email, sms, letter), and email or phone for those two.") from None
    channels = tuple(Channel(name) for name in asked["channels"])
    keep_preference(current(), g.caller, Preference(channels, asked["email"], asked["phone"]))
    return show_preferences()


@mailbox.delete("/preferences")
@describes(answers={204: None})
def end_preferences() -> ResponseReturnValue:
    """Forget how the person wants to be written to."""
    forget_preference(current(), g.caller)
    return "", 204


def file_answer(file: Attachment) -> Response:
    """Give a file to be kept, never shown as a page of ours."""
    response = Response(file.content, content_type=file.mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=file.filename)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _older_than() -> uuid.UUID | None:
    text = request.args.get("older_than")
    try:
        return uuid.UUID(text) if text is not None else None
    except ValueError:
        raise InvalidRequest("older_than is the id of a message.") from None


def _limit() -> int:
    text = request.args.get("limit", str(MESSAGES_MAX))
    if not text.isascii() or not text.isdecimal() or len(text) > LIMIT_DIGITS_MAX or not 1 <= int(text) <= MESSAGES_MAX:
        raise InvalidRequest("limit is a number from 1 to 250.")
    return int(text)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(NO_MESSAGE) from None
