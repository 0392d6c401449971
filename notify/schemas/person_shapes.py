"""The shapes of what a person's app calls: the mailbox, and files by link.  Spec: notify-api §9; requirements NO-13, NO-15."""

from notify.schemas.shapes import ID, INTEGER, NULLABLE, TEXT, Shape, record, rows

_FILE = record("filename path", filename=TEXT, path=TEXT)
MESSAGE = record(
    "id from subject body html created_at read_at attachments",
    **{
        "id": ID,
        "from": TEXT,
        "subject": TEXT,
        "body": TEXT,
        "html": TEXT,
        "created_at": TEXT,
        "read_at": NULLABLE,
        "attachments": {"type": "array", "items": _FILE},
    },
)
MESSAGES = rows("messages", MESSAGE, next_older_than=NULLABLE)
MESSAGES_QUERY: Shape = {"type": "object", "properties": {"older_than": ID, "limit": {"type": "integer", "minimum": 1, "maximum": 250}}}
_EVENT = record("event at audit_entry inclusion_proof", event={"enum": ["placed", "opened"]}, at=TEXT, audit_entry=ID, inclusion_proof=TEXT)
MESSAGE_PROOF = rows("events", _EVENT, id=ID, content_sha256=TEXT, content_is=TEXT, log_key=TEXT)
_DAYS: Shape = {"type": "integer", "minimum": 0, "maximum": 30}
REMINDER_WISH = record("channel to", channel={"enum": ["email", "sms"]}, to=TEXT, after_days=_DAYS, language=TEXT)
REMINDER_KEPT = record("reminder returned_at", reminder={"oneOf": [REMINDER_WISH, {"type": "null"}]}, returned_at=NULLABLE)
_CHANNELS: Shape = {"type": "array", "minItems": 1, "items": {"enum": ["mailbox", "email", "sms", "letter"]}}
PREFERENCE = record("channels", channels=_CHANNELS, email=TEXT, phone=TEXT)
_PREFERENCE = record("channels email phone", channels=_CHANNELS, email=NULLABLE, phone=NULLABLE)
PREFERENCE_KEPT = record("preference", preference={"oneOf": [_PREFERENCE, {"type": "null"}]})

FILE_REFUSED = record("error", error=TEXT)
FILE = record(
    "document",
    document=TEXT,
    filename=NULLABLE,
    confirmation_email=NULLABLE,
    retention_period=NULLABLE,
    is_csv={"type": ["boolean", "null"]},
)
_STORED = record("id direct_file_url url mimetype", id=ID, direct_file_url=TEXT, url=TEXT, mimetype=TEXT)
FILE_STORED = record("status document", status={"const": "ok"}, document=_STORED)
_ABOUT = record(
    "direct_file_url confirm_email size_in_bytes file_extension filename available_until",
    direct_file_url=TEXT,
    confirm_email={"type": "boolean"},
    size_in_bytes=INTEGER,
    file_extension=TEXT,
    filename=TEXT,
    available_until=TEXT,
)
FILE_ABOUT = record("document", document=_ABOUT)
FILE_KEY = record("key email_address", key=TEXT, email_address=TEXT)
FILE_PROOF = record("signed_data direct_file_url", signed_data=TEXT, direct_file_url=TEXT)
FILE_QUERY: Shape = {"type": "object", "properties": {"key": TEXT}}
