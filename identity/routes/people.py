"""What happened with a person's account, for the citizen portal that shows all dealings in one place.  Spec: requirements CH-14."""

from flask import jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from identity.context import current
from identity.operations.people_history import history_of
from identity.standards.history_words import words_of
from shared.access import Scope
from shared.bodies import load_json
from shared.clock import rfc3339
from shared.openapi import describes
from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import gettext

routes = Routes("people", __name__, access=Scope("identity:history"), url_prefix="/people")
TEXT: dict[str, object] = {"type": "string"}
EVENT: dict[str, object] = {"type": "object", "properties": {"at": TEXT, "what": TEXT, "words": TEXT, "service": TEXT, "device": TEXT}}
HISTORY: dict[str, object] = {
    "type": "object",
    "required": ["events", "email"],
    "properties": {"events": {"type": "array", "items": EVENT}, "email": {"type": ["string", "null"]}},
}


class PersonSchema(Schema):
    """Whose account; in the body, for no personal value stands in an address."""

    run = fields.String(required=True, validate=validate.Length(max=20))


@routes.post("/history")
@describes(body=PersonSchema, answers={200: HISTORY})
def show_history() -> ResponseReturnValue:
    """Give the newest events, and the confirmed e-mail address by which other services know the person's receipts."""
    try:
        run = parse_run(load_json(PersonSchema())["run"])
    except InvalidRun:
        raise InvalidRequest("This is not a RUN: check the digit after the hyphen.") from None
    rows, email = history_of(current(), run)
    events = [
        {
            "at": rfc3339(row.occurred_at),
            "what": row.what,
            "words": gettext(words_of(row.what)),
            "service": row.details.get("service", ""),
            "device": row.details.get("device", ""),
        }
        for row in rows
    ]
    return jsonify({"events": events, "email": email}), 200
