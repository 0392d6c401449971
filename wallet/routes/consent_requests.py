"""`/consent-requests`: a body asks a person, looks, takes back.  Spec: wallet contract §5.4."""

from dataclasses import replace
from uuid import UUID

from flask import g, jsonify
from flask.typing import ResponseReturnValue

from shared.access import Scope
from shared.bodies import load_with_body
from shared.openapi import describes
from shared.routes import Routes
from wallet.context import current
from wallet.errors import InvalidExchange
from wallet.operations.consent_requests import Ask, cancel_request, create_request, get_request
from wallet.schemas.consent_requests import ConsentRequestSchema, render
from wallet.standards.canonical import fingerprint

BODY_BYTES_MAX = 256 * 1024
SCHEMA = ConsentRequestSchema()
TEXT: dict[str, object] = {"type": "string"}
ITEM: dict[str, object] = {"type": "object", "properties": {"item_id": TEXT, "state": TEXT, "consent_id": TEXT, "decided_at": TEXT}}
VIEW: dict[str, object] = {
    "type": "object",
    "required": ["request_id", "view_uri", "expires_at", "items"],
    "properties": {
        "request_id": TEXT,
        "view_uri": TEXT,
        "expires_at": TEXT,
        "items": {"type": "array", "items": ITEM},
        "feedback_uri": TEXT | {"description": "when the person has decided: where she is asked how it went"},
    },
}
bp = Routes("consent_requests", __name__, url_prefix="/consent-requests", access=Scope("wallet:consents"))


@bp.post("")
@describes(body=ConsentRequestSchema, answers={200: VIEW, 201: VIEW})
def create() -> ResponseReturnValue:
    """Ask a person; the same `id` with the same body answers 200 with what is there."""
    ask: Ask
    ask, body = load_with_body(SCHEMA, max_bytes=BODY_BYTES_MAX)
    ask = replace(ask, body_sha256=fingerprint(body))
    wallet = current()
    if any(item.valid_until <= wallet.clock.now() for item in ask.items):
        raise InvalidExchange("The consent would be over before it began.", errors={"items": ["valid_until is in the past."]})
    view = create_request(wallet, g.caller.client_id, ask)
    return jsonify(render(view)), 201 if view.is_new else 200


@bp.get("/<uuid:request_id>")
@describes(answers={200: VIEW})
def show(request_id: UUID) -> ResponseReturnValue:
    """Say where each item stands."""
    return jsonify(render(get_request(current(), g.caller.client_id, request_id))), 200


@bp.delete("/<uuid:request_id>")
@describes(answers={204: None})
def cancel(request_id: UUID) -> ResponseReturnValue:
    """Take the request back."""
    cancel_request(current(), g.caller.client_id, request_id)
    return "", 204
