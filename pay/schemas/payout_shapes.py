"""The shapes of /v1/payouts as JSON schemas, for `/openapi.json`.  Spec: requirements PA-8, PA-9."""

from pay.schemas.published import ID, INTEGER, LINK, MOMENT, TEXT, Schema, object_of
from pay.standards.payout_states import PayoutMethod, PayoutState

_METHOD: Schema = {"enum": [method.value for method in PayoutMethod]}
_STATUS: Schema = {"enum": [state.value for state in PayoutState]}
_NEW_ACCOUNT = {
    "type": "object",
    "required": ["bank", "type", "number"],
    "properties": {
        "bank": {"type": "string", "pattern": "^[0-9]{3}$"},
        "type": {"enum": ["checking", "sight", "savings"]},
        "number": {"type": "string", "pattern": "^[0-9]{4,20}$"},
    },
}
NEW_PAYOUT: Schema = {
    "type": "object",
    "required": ["amount", "reference", "description", "method", "payee"],
    "properties": {
        "amount": {"type": "integer", "minimum": 1},
        "reference": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": {"type": "string", "minLength": 1, "maxLength": 140},
        "method": _METHOD,
        "payee": {
            "type": "object",
            "required": ["name", "identifier"],
            "properties": {"name": {"type": "string", "maxLength": 140}, "identifier": TEXT, "email": TEXT, "account": _NEW_ACCOUNT},
        },
    },
}
_BODY: dict[str, Schema] = {
    "payout_id": ID,
    "amount": INTEGER,
    "currency": TEXT,
    "method": _METHOD,
    "reference": TEXT,
    "description": TEXT,
    "state": object_of({"status": _STATUS, "finished": {"type": "boolean"}}),
    "created_date": MOMENT,
    "updated_date": MOMENT,
    "_links": object_of({"self": LINK, "events": LINK}),
}
_SOMETIMES: dict[str, Schema] = {
    "payment_id": ID,
    "return_reason": TEXT,
    "receipt_number": TEXT,
    "paid_date": MOMENT,
    "expires_at": MOMENT,
}
_PAYEE = object_of(
    {"name": TEXT, "identifier": TEXT}, {"email": TEXT, "account": object_of({"bank": TEXT, "type": TEXT, "last_digits": TEXT})}
)
PAYOUT = object_of(_BODY | {"payee": _PAYEE}, _SOMETIMES | {"cash_code": TEXT})
PAYOUTS = object_of(
    {"total": INTEGER, "count": INTEGER, "page": INTEGER, "results": {"type": "array", "items": object_of(_BODY, _SOMETIMES)}}
)
EVENTS = object_of({"payout_id": ID, "events": {"type": "array", "items": object_of({"status": _STATUS, "updated": MOMENT})}})
QUERY: Schema = {"type": "object", "properties": {"state": _STATUS, "reference": TEXT, "page": INTEGER, "display_size": INTEGER}}
