"""/partners/v1: counters and partners that take money for us, with keys of their own.  Spec: pay-design.md §8."""

from flask import Response, g, jsonify, request

from pay.context import current
from pay.models.partner import Partner, Receipt
from pay.models.payout import Payout
from pay.operations import counters, partners, payout_counters
from pay.operations.counters import Verified
from pay.schemas.partners import read_activation, read_check, read_confirmation, read_handed, read_release
from pay.standards.notice_number import read_number
from pay.standards.payment_object import Json, iso_milliseconds
from shared.access import Access
from shared.openapi import describes
from shared.routes import Routes


class PartnerKey(Access):
    """A partner's till with a key of the partner."""

    name = "partner key"
    bearer = "A key of the partner."

    def check(self) -> None:
        """Leave the Partner in `g.partner`.  Raises: PartnerKeyRefused."""
        g.partner = partners.authenticate_partner(current(), request.headers.get("Authorization", ""))


bp = Routes("partners", __name__, url_prefix="/partners/v1", access=PartnerKey())
_OBJECT = {"type": "object"}


def partner() -> Partner:
    """Return who calls."""
    found: Partner = g.partner
    return found


@bp.get("/notices/<number>")
@describes(answers={200: _OBJECT})
def verify(number: str) -> Response:
    """Say what is owed now and whether it may be taken."""
    return jsonify(_verified(counters.verify(current(), partner(), read_number(number))))


@bp.post("/notices/<number>/activate")
@describes(answers={200: _OBJECT}, body=_OBJECT)
def activate(number: str) -> Response:
    """Hold a notice for ten minutes; the same `transaction_id` again is answered alike."""
    held = counters.activate(current(), partner(), read_number(number), read_activation(request.get_data()))
    body = _verified(Verified(held.slip, held.amount_minor, True, held.until))
    return jsonify(body | {"token": held.token})


@bp.post("/notices/<number>/confirm")
@describes(answers={200: _OBJECT}, body=_OBJECT)
def confirm(number: str) -> Response:
    """Say that the money was taken; the same `receipt_number` again is answered alike."""
    return jsonify(_receipt(counters.confirm(current(), partner(), read_confirmation(request.get_data(), number))))


@bp.post("/notices/<number>/release")
@describes(answers={200: _OBJECT}, body=_OBJECT)
def release(number: str) -> Response:
    """Let a notice go that was not paid."""
    slip = counters.release(current(), partner(), read_number(number), read_release(request.get_data()))
    return jsonify({"number": slip.notice.number, "state": slip.notice.state.value})


@bp.post("/payouts/check")
@describes(answers={200: _OBJECT}, body=_OBJECT)
def check_payout() -> Response:
    """Say what a person's code is worth."""
    code, identifier = read_check(request.get_data())
    return jsonify(_payout(payout_counters.check_code(current(), partner(), code, identifier)))


@bp.post("/payouts/pay")
@describes(answers={200: _OBJECT}, body=_OBJECT)
def pay_payout() -> Response:
    """Book cash that the till hands out after this answer; the same `receipt_number` again is answered alike."""
    return jsonify(_payout(payout_counters.hand_out(current(), partner(), read_handed(request.get_data()))))


@bp.post("/daily-files")
@describes(answers={200: _OBJECT}, body={"type": "string"}, body_type="text/csv")
def send_daily_file() -> Response:
    """Book the lines of a daily file, for partners without a line; the same file again changes nothing."""
    result = partners.read_daily_file(current(), partner(), request.get_data())
    faults = [{"line": line, "fault": fault} for line, fault in result.faults]
    return jsonify({"lines": result.lines, "applied": result.applied, "held": result.held, "faults": faults})


def _verified(found: Verified) -> Json:
    notice, payment, account = found.slip.notice, found.slip.payment, found.slip.account
    body: Json = {
        "number": notice.number,
        "state": notice.state.value,
        "is_payable": found.is_payable,
        "amount": found.amount_minor,
        "currency": payment.currency,
        "description": payment.description,
        "paid_to": account.service_name,
        "instalment": notice.instalment,
        "instalments": notice.instalments,
        "due_date": notice.due_on.isoformat(),
    }
    return body | ({"locked_until": iso_milliseconds(found.locked_until)} if found.locked_until else {})


def _payout(payout: Payout) -> Json:
    body: Json = {
        "amount": payout.amount_minor,
        "currency": payout.currency,
        "description": payout.description,
        "state": payout.state.value,
    }
    return body | ({"receipt_number": payout.receipt_number} if payout.receipt_number else {})


def _receipt(receipt: Receipt) -> Json:
    return {
        "receipt_id": receipt.id,
        "receipt_number": receipt.receipt_number,
        "number": receipt.number,
        "amount": receipt.amount_minor,
        "outcome": "applied" if receipt.outcome == counters.APPLIED else "held",
        **({} if receipt.outcome == counters.APPLIED else {"reason": receipt.outcome}),
    }
