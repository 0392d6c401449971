"""Agreements: for anybody to read, and for bodies to ask for, answer and sign.  No person is in them.  Spec: wallet contract §9."""

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC
from shared.bodies import load_json
from shared.crypto import sha256_hex
from shared.openapi import describes
from shared.routes import Routes
from wallet.context import current
from wallet.errors import AgreementNotFound
from wallet.models.agreement import Agreement
from wallet.operations.agreement_requests import draft_agreement, extend, take_step
from wallet.operations.agreements import sign_agreement
from wallet.operations.callers import party_of
from wallet.operations.published import published_agreement, published_agreements, published_templates
from wallet.routes.access import BODY
from wallet.schemas.agreements import DraftSchema, SignatureSchema, StepSchema
from wallet.standards.consent_record import instant

ANSWER: dict[str, object] = {"type": "object"}
bp = Routes("agreements", __name__, url_prefix="/agreements", access=PUBLIC)


@bp.get("")
def index() -> ResponseReturnValue:
    """List every agreement that was ever in force or is being made."""
    response = jsonify({"agreements": published_agreements(current())})
    response.set_etag(sha256_hex(response.get_data(as_text=True))[:32])
    response.headers["Cache-Control"] = "public, max-age=60"
    return response.make_conditional(request)


@bp.get("/templates")
def templates() -> ResponseReturnValue:
    """List the standard terms in force: an agreement begins as a copy of one."""
    return jsonify({"templates": published_templates(current())}), 200, {"Cache-Control": "public, max-age=60"}


@bp.post("", access=BODY)
@describes(body=DraftSchema, answers={201: ANSWER})
def draft() -> ResponseReturnValue:
    """Draft an agreement from a template, for the caller's body."""
    template_id, terms = load_json(DraftSchema())
    return _state(draft_agreement(current(), party_of(current(), g.caller.client_id, "consumer"), template_id, terms), 201)


@bp.post("/<agreement_id>/<int:version>/steps", access=BODY)
@describes(body=StepSchema, answers={200: ANSWER})
def step(agreement_id: str, version: int) -> ResponseReturnValue:
    """Take a step: legal_review, submit, accept, reject, mediation, open_signing, or extend."""
    body = load_json(StepSchema())
    wallet, party = current(), party_of(current(), g.caller.client_id)
    if body["step"] == "extend":
        return _state(extend(wallet, party, agreement_id, version))
    return _state(take_step(wallet, party, agreement_id, version, body["step"], reason=body["reason"]))


@bp.post("/<agreement_id>/<int:version>/signatures", access=BODY)
@describes(body=SignatureSchema, answers={200: ANSWER})
def sign(agreement_id: str, version: int) -> ResponseReturnValue:
    """Take the signature of the caller's body over the content; with both the agreement is active."""
    wallet, party = current(), party_of(current(), g.caller.client_id)
    token = load_json(SignatureSchema())["signature"]
    state = sign_agreement(wallet, agreement_id, version, token, org_id=party.org_id, actor=party.actor)
    return jsonify({"agreement_id": agreement_id, "version": version, "state": state}), 200


@bp.get("/<agreement_id>")
@describes(answers={200: ANSWER})
def show(agreement_id: str) -> ResponseReturnValue:
    """Give one agreement: the version in force, else the newest."""
    found = published_agreement(current(), agreement_id)
    if found is None:
        raise AgreementNotFound("No agreement has this id.")
    return jsonify(found), 200, {"Cache-Control": "public, max-age=60"}


def _state(row: Agreement, status: int = 200) -> ResponseReturnValue:
    body: dict[str, object] = {"agreement_id": row.agreement_id, "version": row.version, "state": row.state, "sha256": row.sha256}
    body |= {"due_at": instant(row.due_at)} if row.due_at else {}
    return jsonify({**body, **({"reason": row.reason} if row.reason else {})}), status
