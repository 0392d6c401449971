"""`/consents` for the bodies that hold them: list, changes, status, terminate, erasure.  Spec: wallet contract §5.3, §5.4."""

from uuid import UUID

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import Scope
from shared.bodies import load_json
from shared.problems import InvalidRequest
from shared.routes import Routes
from wallet.context import current
from wallet.errors import InvalidExchange
from wallet.operations.recipients import STATUS_IDS_MAX, finish_case, list_changes, list_held, report_erasure, states_of, terminate
from wallet.routes.access import BODY
from wallet.schemas.recipients import ErasureSchema, TerminateSchema, render_change, render_erasure, render_held

bp = Routes("recipients", __name__, url_prefix="/consents", access=Scope("wallet:consents"))


@bp.get("")
def index() -> ResponseReturnValue:
    """List the caller's consents, a hundred a page."""
    held, cursor = list_held(current(), g.caller.client_id, after=_cursor("cursor"))
    return jsonify({"consents": [render_held(one) for one in held], "next_cursor": str(cursor) if cursor else None}), 200


@bp.get("/changes")
def changes() -> ResponseReturnValue:
    """List what changed after a cursor, oldest first; `next_since` is where to go on."""
    since = _cursor("since")
    found = list_changes(current(), g.caller.client_id, since=since)
    last = found[-1].cursor if found else since
    return jsonify({"changes": [render_change(one) for one in found], "next_since": str(last) if last else None}), 200


@bp.get("/status", access=BODY)
def status() -> ResponseReturnValue:
    """Say where the named consents stand, those of them that concern the caller."""
    texts = [text for text in request.args.get("ids", "").split(",") if text]
    if not texts or len(texts) > STATUS_IDS_MAX:
        raise InvalidExchange(f"Name 1 to {STATUS_IDS_MAX} consents in `ids`, with commas between.")
    found = states_of(current(), g.caller.client_id, [_uuid(text) for text in texts])
    return jsonify({"states": {str(number): state for number, state in found.items()}}), 200


@bp.post("/<uuid:consent_id>/terminate")
def give_up(consent_id: UUID) -> ResponseReturnValue:
    """Give up the right; with `procedure_closed` the consent ends as it was meant to."""
    reason: str = load_json(TerminateSchema())["reason_code"] if request.content_length else "no_longer_needed"
    wallet, client_id = current(), g.caller.client_id
    if reason == "procedure_closed":
        held = finish_case(wallet, client_id, consent_id)
    else:
        held = terminate(wallet, client_id, consent_id, reason_code=reason)
    return jsonify(render_held(held)), 200


@bp.post("/<uuid:consent_id>/erasure")
def erasure(consent_id: UUID) -> ResponseReturnValue:
    """Report that the data are erased, or kept by a law."""
    body = load_json(ErasureSchema())
    is_kept = body["outcome"] == "kept"
    if is_kept != ("ground" in body) or (is_kept and "at" in body):
        raise InvalidRequest("`kept` names its `ground`, `erased` its time in `at`.")
    if not is_kept and "at" not in body:
        raise InvalidRequest("`erased` says when, in `at`.")
    task = report_erasure(current(), g.caller.client_id, consent_id, erased_at=body.get("at"), ground=body.get("ground"))
    return jsonify(render_erasure(task)), 200


def _cursor(name: str) -> UUID | None:
    text = request.args.get(name)
    return _uuid(text) if text else None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidExchange("A number of a consent or a cursor is not one.") from None
