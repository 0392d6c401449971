"""The published shapes of the API as JSON schemas, for `/openapi.json`: as they are on the wire, not as the original's file has them.

Spec: pay-api.md §6, §9, §11, §12, §24.6 (where the original's schema and its wire disagree, the wire counts).
"""

from typing import Any

Schema = dict[str, Any]  # JSON schema, of any depth

TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
DAY: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
ID: Schema = {"type": "string", "pattern": "^[0-9a-v]{26}$"}


def object_of(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """Return the shape of an object that has these members and no others."""
    properties = required | (optional or {})
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


LINK = object_of({"href": TEXT, "method": TEXT})
POST_LINK = object_of({"type": TEXT, "params": {"type": "object", "additionalProperties": TEXT}, "href": TEXT, "method": TEXT})
STATE = object_of(
    {
        "status": {"enum": ["created", "started", "submitted", "capturable", "success", "failed", "cancelled", "error"]},
        "finished": {"type": "boolean"},
    },
    {"code": TEXT, "message": TEXT, "can_retry": {"type": "boolean"}},
)
ADDRESS = object_of({}, dict.fromkeys(("line1", "line2", "postcode", "city", "country"), TEXT))
_CARD = dict.fromkeys(
    ("last_digits_card_number", "first_digits_card_number", "cardholder_name", "expiry_date", "card_brand", "card_type"), _nullable(TEXT)
)
INSTRUMENT_CARD = object_of(_CARD | {"billing_address": _nullable(ADDRESS)})
CARD = object_of(_CARD | {"billing_address": _nullable(ADDRESS), "wallet_type": _nullable(TEXT)})
SETTLEMENT = object_of({}, {"capture_submit_time": MOMENT, "captured_date": DAY, "settled_date": DAY})
ALLOCATION = object_of({"beneficiary": TEXT, "amount": INTEGER}, {"purpose": TEXT})
METHOD: Schema = {"enum": ["card", "transfer", "cash"]}
_PAYMENT: dict[str, Schema] = {
    "payment_id": ID,
    "amount": INTEGER,
    "currency": TEXT,
    "description": TEXT,
    "reference": TEXT,
    "language": TEXT,
    "state": STATE,
    "payment_provider": TEXT,
    "created_date": MOMENT,
    "refund_summary": object_of(
        {"status": {"enum": ["pending", "available", "full", "unavailable"]}, "amount_available": INTEGER, "amount_submitted": INTEGER}
    ),
    "settlement_summary": SETTLEMENT,
    "delayed_capture": {"type": "boolean"},
    "moto": {"type": "boolean"},
    "authorisation_mode": {"enum": ["web", "moto_api", "agreement", "external"]},
}
FEE_TERMS = object_of(
    {"product": TEXT, "version": INTEGER, "name": TEXT, "channel": {"enum": ["web", "phone", "counter"]}, "full_amount": INTEGER},
    {"exemption": object_of({"code": TEXT, "text": TEXT, "state": {"enum": ["asked", "granted", "refused"]}})},
)
_SOMETIMES: dict[str, Schema] = {
    "email": TEXT,
    "metadata": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
    "card_details": CARD,
    "card_brand": TEXT,
    "corporate_card_surcharge": INTEGER,
    "total_amount": INTEGER,
    "fee": INTEGER,
    "net_amount": INTEGER,
    "provider_id": TEXT,
    "return_url": TEXT,
    "agreement_id": ID,
    "agreement_payment_type": TEXT,
    "allocations": {"type": "array", "items": ALLOCATION},
    "payment_methods": {"type": "array", "items": METHOD},
    "fee_rule": FEE_TERMS,
}
_ALWAYS_LINKED = dict.fromkeys(("self", "events", "refunds"), LINK)
_LINKS = object_of(
    _ALWAYS_LINKED,
    {"next_url": LINK, "cancel": LINK, "capture": LINK, "next_url_post": POST_LINK, "auth_url_post": POST_LINK} | {"notice": LINK},
)
PAYMENT = object_of(_PAYMENT | {"_links": _LINKS}, _SOMETIMES)
FOUND_PAYMENT = object_of(
    _PAYMENT | {"_links": object_of(_ALWAYS_LINKED | {"cancel": _nullable(LINK), "capture": _nullable(LINK)})}, _SOMETIMES
)
EVENTS = object_of(
    {
        "payment_id": ID,
        "events": {
            "type": "array",
            "items": object_of({"payment_id": ID, "state": STATE, "updated": MOMENT, "_links": object_of({"payment_url": LINK})}),
        },
        "_links": object_of({"self": LINK}),
    }
)
_REFUND: dict[str, Schema] = {
    "refund_id": ID,
    "created_date": MOMENT,
    "amount": INTEGER,
    "status": {"enum": ["submitted", "success", "error"]},
    "settlement_summary": SETTLEMENT,
    "_links": object_of({"self": LINK, "payment": LINK}),
}
REFUND = object_of(_REFUND)
REFUNDS = object_of(
    {
        "payment_id": ID,
        "_links": object_of({"self": LINK, "payment": LINK}),
        "_embedded": object_of({"refunds": {"type": "array", "items": REFUND}}),
    }
)
AGREEMENT = object_of(
    {
        "agreement_id": ID,
        "reference": TEXT,
        "description": TEXT,
        "status": {"enum": ["created", "active", "cancelled", "inactive"]},
        "created_date": MOMENT,
    },
    {
        "user_identifier": TEXT,
        "cancelled_date": MOMENT,
        "payment_instrument": object_of({"type": TEXT, "created_date": MOMENT, "card_details": INSTRUMENT_CARD}),
    },
)
DISPUTE = object_of(
    {
        "dispute_id": ID,
        "payment_id": ID,
        "amount": INTEGER,
        "created_date": MOMENT,
        "reason": TEXT,
        "settlement_summary": SETTLEMENT,
        "status": {"enum": ["needs_response", "under_review", "lost", "won"]},
        "_links": object_of({"payment": LINK}),
    },
    {"evidence_due_date": MOMENT, "fee": INTEGER, "net_amount": INTEGER},
)
REPORTED = object_of(_PAYMENT | {"_links": _LINKS, "processor_id": TEXT}, _SOMETIMES)
NEW_PAYMENT: Schema = {
    "type": "object",
    "required": ["amount", "reference", "description"],
    "properties": {
        "amount": {"type": "integer", "minimum": 0},
        "reference": {"type": "string", "maxLength": 255},
        "description": {"type": "string", "maxLength": 255},
        "return_url": {"type": "string", "maxLength": 2000},
        "authorisation_mode": {"enum": ["web", "moto_api", "agreement"]},
        "language": {"enum": ["en", "cy", "es"]},
        "delayed_capture": {"type": "boolean"},
        "moto": {"type": "boolean"},
        "email": {"type": "string", "maxLength": 254},
        "metadata": {"type": "object", "maxProperties": 15},
        "prefilled_cardholder_details": object_of({}, {"cardholder_name": TEXT, "billing_address": ADDRESS}),
        "set_up_agreement": ID,
        "agreement_id": ID,
        "agreement_payment_type": {"enum": ["instalment", "recurring", "unscheduled"]},
        "allocations": {"type": "array", "maxItems": 5, "items": ALLOCATION},
        "payment_methods": {"type": "array", "minItems": 1, "uniqueItems": True, "items": METHOD},
        "expires_at": TEXT,
        "payer": object_of({}, {"identifier": TEXT, "name": TEXT}),
    },
}
NEW_REFUND: Schema = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer", "minimum": 1}, "refund_amount_available": INTEGER},
}
NEW_AGREEMENT = object_of({"reference": TEXT, "description": TEXT}, {"user_identifier": TEXT})
IDEMPOTENCY = {"Idempotency-Key": "1 to 255 letters, digits and hyphens: the same request again has no second effect"}
_PLACE = {"type": "object", "required": ["href"], "properties": {"href": TEXT}}


def page_of(item: Schema, *, also: tuple[str, ...] = ()) -> Schema:
    """Return the shape of one page of a search; `also` names further members with the links."""
    places = dict.fromkeys(("self", "first_page", "last_page"), _PLACE)
    links = object_of(places, {"prev_page": _PLACE, "next_page": _PLACE})
    counts: dict[str, Schema] = {"total": INTEGER, "count": INTEGER, "page": INTEGER, "results": {"type": "array", "items": item}}
    return object_of(counts | {"_links": links} | dict.fromkeys(also, links))


def query_of(names: tuple[str, ...] | list[str]) -> Schema:
    """Return the parameters of a search."""
    return {"type": "object", "properties": dict.fromkeys(names, TEXT)}


FOUND_REFUND = object_of({"payment_id": ID} | _REFUND)

_CHANNELS = dict.fromkeys(("web", "phone", "counter"), INTEGER)
_EXEMPTION: dict[str, Schema] = {"code": TEXT, "text": TEXT, "amount": INTEGER, "needs_decision": {"type": "boolean"}}
NEW_FEE_RULE: Schema = {
    "type": "object",
    "required": ["product", "name", "amounts"],
    "properties": {
        "product": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 60},
        "name": TEXT,
        "amounts": {"type": "object", "required": ["web"], "properties": _CHANNELS},
        "exemptions": {"type": "array", "items": {"type": "object", "required": ["code", "text"], "properties": _EXEMPTION}},
        "valid_from": DAY,
    },
}
FEE_RULE = object_of(
    {
        "product": TEXT,
        "version": INTEGER,
        "name": TEXT,
        "amounts": object_of(_CHANNELS),
        "exemptions": {"type": "array", "items": object_of(_EXEMPTION)},
        "valid_from": DAY,
        "warnings": {"type": "array", "items": TEXT},
    }
)
FEE_RULES = object_of({"fee_rules": {"type": "array", "items": FEE_RULE}})


def _digits(least: int, most: int) -> Schema:
    return {"type": "string", "pattern": f"^[0-9]{{{least},{most}}}$"}


_EXPIRY: Schema = {"type": "string", "pattern": "^(0[1-9]|1[0-2])/[0-9]{2}$"}
AUTHORISATION: Schema = {
    "type": "object",
    "required": ["one_time_token", "card_number", "cvc", "expiry_date", "cardholder_name"],
    "properties": {
        "one_time_token": TEXT,
        "card_number": _digits(12, 19),
        "cvc": _digits(3, 4),
        "expiry_date": _EXPIRY,
        "cardholder_name": {"type": "string", "maxLength": 255},
    },
}
_OUTCOME: Schema = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"enum": ["success", "failed"]},
        "code": {"enum": ["P0010", "P0030", "P0050"]},
        "supplemental": {"type": "object"},
    },
}
_SHORT: Schema = {"type": "string", "minLength": 1, "maxLength": 100}
NEW_REPORT: Schema = {
    "type": "object",
    "required": ["amount", "reference", "description", "processor_id", "provider_id", "payment_outcome"],
    "properties": {
        "amount": {"type": "integer", "minimum": 1},
        "reference": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": {"type": "string", "minLength": 1, "maxLength": 255},
        "processor_id": _SHORT,
        "provider_id": _SHORT,
        "payment_outcome": _OUTCOME,
        "auth_code": {"type": "string", "maxLength": 100},
        "card_type": {"enum": ["visa", "master-card", "maestro", "american-express", "diners-club", "jcb"]},
        "card_expiry": _EXPIRY,
        "first_six_digits": _digits(6, 6),
        "last_four_digits": _digits(4, 4),
        "name_on_card": {"type": "string", "maxLength": 255},
        "email_address": {"type": "string", "maxLength": 254},
        "telephone_number": {"type": "string", "maxLength": 50},
    },
}
