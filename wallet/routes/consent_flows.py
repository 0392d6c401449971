"""`/consent-flows`: identity asks a person on behalf of a client that she signs in at.  Spec: RFC 9396; wallet contract §12."""

from dataclasses import replace
from uuid import UUID

from flask import jsonify
from flask.typing import ResponseReturnValue

from shared.access import Scope
from shared.bodies import load_with_body
from shared.openapi import describes
from shared.routes import Routes
from wallet.context import current
from wallet.errors import InvalidExchange
from wallet.operations.consent_flows import begin_flow, flow_outcome
from wallet.operations.consent_requests import Ask
from wallet.schemas.consent_flows import ConsentFlowSchema, render
from wallet.standards.canonical import fingerprint

BODY_BYTES_MAX = 64 * 1024
SCHEMA = ConsentFlowSchema()
TEXT: dict[str, object] = {"type": "string"}
BEGUN: dict[str, object] = {"type": "object", "required": ["view_uri"], "properties": {"view_uri": TEXT}}
OUTCOME: dict[str, object] = {
    "type": "object",
    "required": ["state"],
    "properties": {
        "state": TEXT,
        "consent_id": TEXT,
        "grant_id": TEXT,
        "datatypes": {"type": "array", "items": TEXT},
        "fields": {"type": "array", "items": TEXT},
        "purpose": TEXT,
        "valid_until": TEXT,
    },
}
bp = Routes("consent_flows", __name__, url_prefix="/consent-flows", access=Scope("wallet:flows"))


@bp.post("")
@describes(body=ConsentFlowSchema, answers={200: BEGUN, 201: BEGUN})
def begin() -> ResponseReturnValue:
    """Make the request and say where to send the person; the same `id` with the same body answers 200."""
    client_id, ask = _read()
    view = begin_flow(current(), client_id, ask)
    return jsonify({"view_uri": view.view_uri}), 201 if view.is_new else 200


def _read() -> tuple[str, Ask]:
    (client_id, ask), body = load_with_body(SCHEMA, max_bytes=BODY_BYTES_MAX)
    if any(item.valid_until <= current().clock.now() for item in ask.items):
        raise InvalidExchange("The consent would be over before it began.", errors={"item": ["valid_until is in the past."]})
    return client_id, replace(ask, body_sha256=fingerprint(body))


@bp.get("/<client_id>/<uuid:request_id>")
@describes(answers={200: OUTCOME})
def show(client_id: str, request_id: UUID) -> ResponseReturnValue:
    """Say what the person decided."""
    return jsonify(render(flow_outcome(current(), client_id, request_id))), 200
