"""`/grants/<grant_id>`: a client asks after its grant, or gives it up.  Spec: Grant Management for OAuth 2.0 -03 §6; contract §12."""

from uuid import UUID

from flask import g, jsonify
from flask.typing import ResponseReturnValue

from shared.access import Scope
from shared.openapi import describes
from shared.routes import Routes
from wallet.context import current
from wallet.operations.consent_grants import get_grant, revoke_grant

QUERY, REVOKE = "grant_management_query", "grant_management_revoke"
TEXT, MOMENT = {"type": "string"}, {"type": "integer"}
GRANT: dict[str, object] = {
    "type": "object",
    "required": ["scopes", "claims", "authorization_details", "created_at", "last_updated_at", "expires_at", "updated_by"],
    "properties": {
        "grant_id": TEXT,
        "scopes": {"type": "array", "items": {"type": "object"}},
        "claims": {"type": "array", "items": TEXT},
        "authorization_details": {"type": "array", "items": {"type": "object"}},
        "created_at": MOMENT,
        "last_updated_at": MOMENT,
        "expires_at": MOMENT,
        "updated_by": TEXT,
    },
}
bp = Routes("grants", __name__, url_prefix="/grants", access=Scope(QUERY))


@bp.get("/<uuid:grant_id>")
@describes(answers={200: GRANT})
def show(grant_id: UUID) -> ResponseReturnValue:
    """Say what the client may do by this grant."""
    found = get_grant(current(), g.caller.client_id, grant_id)
    updated = int(found.updated_at.timestamp())
    body: dict[str, object] = {
        "grant_id": str(found.grant_id),
        "scopes": [],
        "claims": [],
        "authorization_details": found.details,
        "created_at": int(found.created_at.timestamp()),
        "last_updated_at": updated,
        "last_updated": updated,  # the draft writes it both ways
        "expires_at": int(found.expires_at.timestamp()),
        "updated_by": found.updated_by,
    }
    return jsonify(body), 200


@bp.delete("/<uuid:grant_id>", access=Scope(REVOKE))
@describes(answers={204: None})
def revoke(grant_id: UUID) -> ResponseReturnValue:
    """Give the grant up; tokens and refresh end with it."""
    revoke_grant(current(), g.caller.client_id, grant_id)
    return "", 204
