"""`/log/v1/reports`: providers tell what they answered.  Spec: wallet contract §10.5."""

from datetime import date

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from shared.access import Scope
from shared.problems import TooLarge
from shared.routes import Routes
from wallet.context import current
from wallet.errors import InvalidExchange
from wallet.operations.reports import reconcile_for, take_report, verify_report
from wallet.schemas.reports import ReportSchema

BYTES_MAX = 512 * 1024
bp = Routes("reports", __name__, url_prefix="/log/v1/reports", access=Scope("wallet:log"))


@bp.post("")
def take() -> ResponseReturnValue:
    """Take a signed report; a repeat changes nothing."""
    if request.content_length is None or request.content_length > BYTES_MAX:
        raise TooLarge(f"A report may have {BYTES_MAX} bytes.")
    wallet, client_id = current(), g.caller.client_id
    payload = verify_report(wallet, client_id, request.get_data(as_text=True).strip())
    try:
        loaded = ReportSchema().load(payload)
    except ValidationError as error:
        raise InvalidExchange("The report is not of the agreed form.", errors=error.messages) from None
    taken = take_report(wallet, client_id, loaded["entries"])
    body = {"written": taken.written, "repeated": taken.repeated, "late": taken.late, "unknown": [str(txn) for txn in taken.unknown]}
    return jsonify(body), 200


@bp.get("/<day>")
def show(day: str) -> ResponseReturnValue:
    """Say what of a day does not fit: reported and never let, let and not reported."""
    try:
        asked = date.fromisoformat(day)
    except ValueError:
        raise InvalidExchange("A day is written 2026-11-21.") from None
    found = reconcile_for(current(), g.caller.client_id, asked)
    body = {"day": day, "unknown": [str(txn) for txn in found.unknown], "missing": [str(txn) for txn in found.missing]}
    return jsonify(body), 200
