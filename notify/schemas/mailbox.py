"""How a mailbox message is shown."""

from marshmallow import Schema, fields, validate

from notify.operations.mailbox import MailboxItemRead
from notify.standards.email_markdown import to_html
from notify.standards.statuses import Channel
from notify.standards.wire_time import wire_time


def show_item(item: MailboxItemRead) -> dict[str, object]:
    """Give one message; `html` is safe to place into a page as it is."""
    return {
        "id": str(item.id),
        "from": item.sender,
        "subject": item.subject,
        "body": item.body,
        "html": to_html(item.body),
        "created_at": wire_time(item.created_at),
        "read_at": wire_time(item.read_at),
        "attachments": [
            {"filename": name, "path": f"/v1/mailbox/messages/{item.id}/attachments/{position}"}
            for position, name in enumerate(item.attachments)
        ],
    }


def show_proof(item: MailboxItemRead, root: str) -> dict[str, object]:
    """Give the proof of placing and opening: what, when, and the audit rows by which anybody checks it; no word of the message."""
    events = [("placed", item.created_at, item.placed_entry), ("opened", item.read_at, item.read_entry)]
    return {
        "id": str(item.id),
        "content_sha256": item.content_sha256,
        "content_is": "sha256 over the JSON array [from, subject, body], with files a fourth element [sha256 of each], UTF-8, no spaces",
        "events": [
            {"event": name, "at": wire_time(at), "audit_entry": str(entry), "inclusion_proof": f"{root}/log/v1/entries/{entry}/proof"}
            for name, at, entry in events
            if at is not None and entry is not None
        ],
        "log_key": f"{root}/log/v1/key",
    }


class ReminderSchema(Schema):
    """How a person wants to be reminded."""

    channel = fields.String(required=True, validate=validate.OneOf(["email", "sms"]))
    to = fields.String(required=True, validate=validate.Length(min=3, max=320))
    after_days = fields.Integer(strict=True, load_default=1, validate=validate.Range(min=0, max=30))
    language = fields.String(load_default="es", validate=validate.Length(max=5))


class PreferenceSchema(Schema):
    """How a person wants to be written to."""

    channels = fields.List(
        fields.String(validate=validate.OneOf(list(Channel))), required=True, validate=validate.Length(min=1, max=len(Channel))
    )
    email = fields.String(load_default="", validate=validate.Length(max=320))
    phone = fields.String(load_default="", validate=validate.Length(max=40))
