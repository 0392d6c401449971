"""`/registry/datasets`: providers declare what they hold, and take it back.  Spec: wallet contract §2, R1, R2, §18."""

from dataclasses import replace

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import Scope
from shared.bodies import load_json
from shared.openapi import describes
from shared.routes import Routes
from wallet.context import current
from wallet.operations.callers import party_of
from wallet.operations.registry import declare_dataset, read_dataset, retire_dataset
from wallet.schemas.registry import DatasetSchema

BODY_BYTES_MAX = 256 * 1024
ANSWER: dict[str, object] = {"type": "object"}
bp = Routes("registry", __name__, url_prefix="/registry/datasets", access=Scope("wallet:provide"))


@bp.get("/<dataset_id>")
@describes(answers={200: ANSWER})
def show(dataset_id: str) -> ResponseReturnValue:
    """Give the version in force, with the ETag that a change names."""
    row = read_dataset(current(), dataset_id)
    body = {"dataset_id": row.dataset_id, "version": row.version, "status": row.status, "org_id": row.org_id, "endpoint": row.endpoint}
    response = jsonify({**body, "fields": row.fields, "classification": row.classification})
    response.set_etag(f"{row.version}-{row.lock}")
    return response


@bp.post("")
@describes(body=DatasetSchema, answers={201: ANSWER})
def declare() -> ResponseReturnValue:
    """Put a declaration in force as the next version; `If-Match` names the version that it follows."""
    declaration = load_json(DatasetSchema(), max_bytes=BODY_BYTES_MAX)
    match = request.if_match.as_set() if request.if_match else set()
    party = party_of(current(), g.caller.client_id, "provider")
    mine = replace(declaration, client_id=g.caller.client_id)
    version = declare_dataset(current(), party, mine, follows=match)
    return jsonify({"dataset_id": declaration.dataset_id, "version": version}), 201


@bp.delete("/<dataset_id>")
@describes(answers={200: ANSWER})
def retire(dataset_id: str) -> ResponseReturnValue:
    """Take a dataset back: the consents that rest on it end, and their people and bodies are told (R2)."""
    return jsonify({"ended_consents": retire_dataset(current(), party_of(current(), g.caller.client_id, "provider"), dataset_id)}), 200
