"""The shapes of the public API, as JSON Schema, for its OpenAPI description.  Spec: notify-api §4–§7."""

from collections.abc import Mapping

Shape = Mapping[str, object]

TEXT: Shape = {"type": "string"}
NULLABLE: Shape = {"type": ["string", "null"]}
ID: Shape = {"type": "string", "format": "uuid"}
INTEGER: Shape = {"type": "integer"}
OBJECT: Shape = {"type": "object"}


def record(required: str, **properties: Shape) -> Shape:
    """Give an object with some required members (names in one text) and no others than those named."""
    names = required.split() if required else []
    return {"type": "object", "required": names, "properties": properties, "additionalProperties": False}


def rows(name: str, item: Shape, **more: Shape) -> Shape:
    """Give an object with one list."""
    return record(" ".join([name, *more]), **{name: {"type": "array", "items": item}, **more})


ERROR = record(
    "status_code errors",
    status_code=INTEGER,
    errors={"type": "array", "minItems": 1, "items": {"type": "object", "required": ["error", "message"]}},
)
GONE = record("result message", result={"const": "error"}, message=TEXT)
REFUSALS: Mapping[int, Shape] = dict.fromkeys((400, 401, 403, 429), ERROR)
READING: Mapping[int, Shape] = dict.fromkeys((400, 401, 403, 404), ERROR)
ONCE: Mapping[str, str] = {"Idempotency-Key": "the same key and body again are answered as the first time, and done once"}

_COMMON = {"template_id": ID, "personalisation": OBJECT, "reference": {"type": "string", "maxLength": 1000}}
SMS = record("phone_number template_id", phone_number=TEXT, sms_sender_id=ID, scheduled_for=NULLABLE, **_COMMON)
_FILES: Shape = {"type": "array", "maxItems": 5, "items": record("file filename", file=TEXT, filename=TEXT)}
EMAIL = record(
    "email_address template_id",
    email_address=TEXT,
    email_reply_to_id=ID,
    scheduled_for=NULLABLE,
    one_click_unsubscribe_url={"type": "string", "pattern": "^https"},
    sanitise_content_for={"type": ["array", "null"]},
    attachments=_FILES,
    **_COMMON,
)
_PRECOMPILED = record("reference content", reference=TEXT, content=TEXT, postage={"enum": ["first", "second", "economy"]})
LETTER: Shape = {"oneOf": [record("template_id personalisation", **_COMMON), _PRECOMPILED]}
MAILBOX = record("recipient template_id", recipient=TEXT, scheduled_for=NULLABLE, attachments=_FILES, **_COMMON)

_USED = record("id version uri", id=ID, version=INTEGER, uri=TEXT)
_SENT = {"id": ID, "reference": NULLABLE, "uri": TEXT, "template": _USED, "scheduled_for": NULLABLE, "content": OBJECT}
SENT = record("id reference content uri template scheduled_for", **_SENT)
SENT_EMAIL = record("id reference content uri template scheduled_for sanitised_content", sanitised_content=OBJECT, **_SENT)
SENT_LETTER: Shape = {"oneOf": [SENT, record("id reference postage", id=ID, reference=TEXT, postage=TEXT)]}

_LINES = dict.fromkeys([*(f"line_{n}" for n in range(1, 7)), "postcode"], NULLABLE)
_TIMES = dict.fromkeys(("created_at", "sent_at", "completed_at", "scheduled_for"), NULLABLE)
_FACTS = dict.fromkeys(("reference", "email_address", "phone_number", "subject", "created_by_name", "postage"), NULLABLE)
NOTIFICATION = record(
    "id reference email_address phone_number line_1 postcode type status template body subject created_at sent_at completed_at "
    "scheduled_for postage one_click_unsubscribe_url cost_details cost_in_pounds is_cost_data_ready cost",
    id=ID,
    type={"enum": ["sms", "email", "letter", "mailbox"]},
    status=TEXT,
    template=_USED,
    body=TEXT,
    one_click_unsubscribe_url=NULLABLE,
    cost_details=OBJECT,
    cost_in_pounds={"type": ["number", "null"]},
    is_cost_data_ready={"type": "boolean"},
    cost={"oneOf": [record("amount currency", amount=TEXT, currency=TEXT), {"type": "null"}]},
    estimated_delivery=TEXT,
    recipient=TEXT,
    validation_error=TEXT,
    **_LINES,
    **_TIMES,
    **_FACTS,
)
_LINKS = record("current", current=TEXT, next=TEXT)
NOTIFICATIONS = rows("notifications", NOTIFICATION, links=_LINKS)
LIST_QUERY: Shape = {
    "type": "object",
    "properties": {
        "template_type": {"type": "string", "enum": ["sms", "email", "letter", "mailbox"]},
        "status": TEXT,
        "reference": TEXT,
        "older_than": ID,
        "include_jobs": {"type": "string", "enum": ["true", "True"]},
    },
}
OLDER_QUERY: Shape = {"type": "object", "properties": {"older_than": ID}}
_TEMPLATE_NAMES = "id type created_at updated_at created_by version body subject name personalisation postage letter_contact_block"
_TEMPLATE: Mapping[str, Shape] = {
    "id": ID,
    "type": {"enum": ["sms", "email", "letter", "mailbox"]},
    "created_at": TEXT,
    "updated_at": NULLABLE,
    "created_by": TEXT,
    "version": INTEGER,
    "body": TEXT,
    "subject": NULLABLE,
    "name": TEXT,
    "personalisation": OBJECT,
    "postage": NULLABLE,
    "letter_contact_block": NULLABLE,
}
TEMPLATE = record(_TEMPLATE_NAMES, **_TEMPLATE)
TEMPLATES = rows("templates", TEMPLATE)
PREVIEW = record(
    "id type version body html subject postage",
    id=ID,
    type=TEXT,
    version=INTEGER,
    body=TEXT,
    html=NULLABLE,
    subject=NULLABLE,
    postage=NULLABLE,
)
_RECEIVED = dict.fromkeys(("user_number", "notify_number", "created_at", "content"), TEXT)
RECEIVED = rows(
    "received_text_messages",
    record("id user_number notify_number created_at service_id content", id=ID, service_id=ID, **_RECEIVED),
    links=_LINKS,
)
BULK_JOB = record(
    "id name type template status total processed messages failed reminders reminders_waiting statuses scheduled_for created_at updated_at",
    id=ID,
    name=TEXT,
    type=TEXT,
    template=OBJECT,
    status=TEXT,
    statuses=OBJECT,
    **dict.fromkeys(("total", "processed", "messages", "failed", "reminders", "reminders_waiting"), INTEGER),
    **dict.fromkeys(("scheduled_for", "created_at", "updated_at"), NULLABLE),
)
BULK_JOBS = rows("jobs", BULK_JOB, links=_LINKS)
BULK_ERRORS = rows("errors", record("row messages", row=INTEGER, messages={"type": "array", "items": TEXT}))
BULK_ERRORS_QUERY: Shape = {"type": "object", "properties": {"after": TEXT}}
BULK = record("template_id", template_id=ID, rows={"type": "array"}, csv=TEXT, name=TEXT, sender_id=ID, scheduled_for=NULLABLE)
PERSON = record(
    "person templates",
    person=TEXT,
    templates=record("", **dict.fromkeys(("mailbox", "email", "sms", "letter"), ID)),
    email_address=TEXT,
    phone_number=TEXT,
    personalisation=OBJECT,
    reference={"type": "string", "maxLength": 1000},
    fall_back={"type": "boolean"},
)
SENT_PERSON = record(
    "id channel reference content uri template", id=ID, channel=TEXT, reference=NULLABLE, content=OBJECT, uri=TEXT, template=_USED
)
_DAYS: Shape = {"type": "array", "minItems": 1, "maxItems": 12, "items": {"type": "integer", "minimum": 0, "maximum": 400}}
REMINDER = record(
    "",
    person=TEXT,
    templates=OBJECT,
    date={"type": "string", "format": "date"},
    days_before=_DAYS,
    at=TEXT,
    unread_id=ID,
    after_days=_DAYS,
    **dict.fromkeys(("phone_number", "email_address", "recipient"), TEXT),
    **_COMMON,
)
_REMINDER = record(
    "due_at state notification_id fault",
    due_at=TEXT,
    state={"enum": ["waiting", "sent", "cancelled", "not-needed", "refused"]},
    notification_id=NULLABLE,
    fault=NULLABLE,
)
REMINDERS = rows("reminders", _REMINDER, id=ID, template_id=ID)
REMINDERS_LISTED = rows("reminders", REMINDERS, next_after=NULLABLE)
REMINDERS_QUERY: Shape = {"type": "object", "properties": {"after": ID}}
_WORDS: Mapping[str, Shape] = {
    "subject": TEXT,
    "postage": TEXT,
    "letter_contact_block": TEXT,
    "has_unsubscribe_link": {"type": "boolean"},
}
TEMPLATE_NEW = record("type name body", type={"enum": ["sms", "email", "letter", "mailbox"]}, name=TEXT, body=TEXT, **_WORDS)
TEMPLATE_CHANGED = record("", name=TEXT, body=TEXT, version=INTEGER, **_WORDS)
_WRITTEN = {"has_unsubscribe_link": {"type": "boolean"}, "archived": {"type": "boolean"}}
TEMPLATE_WRITTEN: Shape = {
    **TEMPLATE,
    "required": [*_TEMPLATE_NAMES.split(), *_WRITTEN],
    "properties": {**_TEMPLATE, **_WRITTEN},
}
TEMPLATE_DATA = rows("data", TEMPLATE)
TEMPLATE_VERSIONS = rows("versions", TEMPLATE_WRITTEN)
_LINE = record("change text", change=TEXT, text=TEXT)
_CHANGE = record("field lines", field=TEXT, lines={"type": "array", "items": _LINE})
TEMPLATE_DIFF = rows("changes", _CHANGE, **{"id": ID, "from": INTEGER, "to": INTEGER})
DIFF_QUERY: Shape = {"type": "object", "required": ["from", "to"], "properties": {"from": TEXT, "to": TEXT}}
_KIND: Shape = {"enum": ["delivery_status", "inbound_sms", "complaint", "returned_letter"]}
_TOLD: Shape = {"enum": ["waiting", "taken", "refused", "given_up", "nobody"]}
CALLBACK_SET = record("url bearer_token", kind=_KIND, url=TEXT, bearer_token={"type": "string", "minLength": 10})
CALLBACK_KEPT = record("kind url signing_secret", kind=_KIND, url=TEXT, signing_secret=TEXT)
_ATTEMPT = record("at status fault milliseconds", at=TEXT, status={"type": ["integer", "null"]}, fault=NULLABLE, milliseconds=INTEGER)
_CALL = record(
    "id kind object_id state created_at attempts",
    id=ID,
    kind=_KIND,
    object_id=ID,
    state=_TOLD,
    created_at=TEXT,
    attempts={"type": "array", "items": _ATTEMPT},
)
CALLBACKS = rows("callbacks", _CALL)
CALLBACKS_QUERY: Shape = {"type": "object", "properties": {"state": _TOLD, "older_than": ID}}
SUCCESS = record("result", result={"const": "success"})
UNSUBSCRIBES = rows(
    "unsubscribe_requests",
    record(
        "id notification_id template_id email_address requested_at",
        id=ID,
        notification_id=ID,
        template_id=ID,
        email_address=TEXT,
        requested_at=TEXT,
    ),
)
_LOG = record("verifier_key complete entries", verifier_key=TEXT, complete={"type": "boolean"}, entries={"type": "array", "items": OBJECT})
PROOF = record(
    "made_at message content_sha256 provider provider_reference log",
    made_at=TEXT,
    message=NOTIFICATION,
    content_sha256=TEXT,
    provider=NULLABLE,
    provider_reference=NULLABLE,
    log=_LOG,
)
PROCESSED = record("ids", ids={"type": "array", "maxItems": 250, "items": ID})
PROCESSED_N = record("processed", processed=INTEGER)
