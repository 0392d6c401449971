"""/v1/notices: debts known before their payment.  An extension of the published contract.  Spec: pay-api.md §25, pay-design.md §8."""

from flask import Response, jsonify, request

from pay.context import current
from pay.operations import batches, notices, slips
from pay.operations.amounts import today
from pay.routes.access import PaymentKey, merchant
from pay.schemas.bodies import Body, read_body
from pay.schemas.headers import HEADER, read_idempotency_key
from pay.schemas.notices import BATCH_MAX, debt_body, notice_body, read_new_debt
from pay.schemas.rules import missing, out_of_range, wrong_type
from pay.standards.notice_number import read_number
from shared.routes import Routes

bp = Routes("notices", __name__, url_prefix="/v1/notices", access=PaymentKey())
PDF = "application/pdf"


@bp.post("")
def issue() -> Response:
    """Issue the notices of a debt, one an instalment; 200 where the Idempotency-Key was used for the same debt before."""
    pay, caller = current(), merchant()
    body = read_body(request.get_data(), code="P0197")
    debt = read_new_debt(body, caller.account, today(pay))
    made = notices.issue_debt(pay, caller, debt, read_idempotency_key(request.headers.get(HEADER), body))
    response = jsonify(debt_body(made, pay.addresses))
    response.status_code = 201
    response.headers["Location"] = f"{pay.addresses.api}/v1/notices/{made[0].notice.number}"
    return response


@bp.get("/<number>")
def get(number: str) -> Response:
    """Return a notice."""
    return jsonify(notice_body(notices.get_slip(current(), read_number(number), merchant=merchant()), current().addresses))


@bp.get("/<number>/slip.pdf")
def show_slip(number: str) -> Response:
    """Return the printable slip of a notice."""
    slip = notices.get_slip(current(), read_number(number), merchant=merchant())
    return Response(slips.slip_file(current(), slip), content_type=PDF)


@bp.post("/<number>/cancel")
def cancel(number: str) -> Response:
    """Withdraw a notice that nobody paid."""
    return jsonify(notice_body(notices.withdraw(current(), merchant(), read_number(number)), current().addresses))


@bp.post("/<number>/paid-elsewhere")
def mark_paid_elsewhere(number: str) -> Response:
    """Note that the debt was paid by another way."""
    slip = notices.withdraw(current(), merchant(), read_number(number), paid_elsewhere=True)
    return jsonify(notice_body(slip, current().addresses))


@bp.put("/amount-hook")
def set_amount_hook() -> Response:
    """Say where we ask what is owed at the moment of payment, and the key our question is signed with."""
    body = read_body(request.get_data(), code="P0197")
    for field in ("url", "signing_key"):
        if not body.get(field):
            raise missing(field)
        if not isinstance(body[field], str) or len(str(body[field])) > 2000:
            raise wrong_type(field, "Must be a text")
    notices.set_amount_hook(current(), merchant(), str(body["url"]), str(body["signing_key"]))
    return Response(status=204)


@bp.post("/batches")
def issue_batch() -> Response:
    """Issue up to 500 debts at once: all of them, or none where one is not right."""
    pay, caller = current(), merchant()
    body = read_body(request.get_data(), code="P0197")
    debts = [read_new_debt(item, caller.account, today(pay)) for item in _items(body)]
    made = batches.issue_batch(pay, caller, debts, read_idempotency_key(request.headers.get(HEADER), body))
    response = jsonify({"batch_id": made.id, "notices": [notice_body(slip, pay.addresses) for slip in made.slips]})
    response.status_code = 201
    return response


@bp.get("/batches/<batch_id>/slips.pdf")
def show_batch(batch_id: str) -> Response:
    """Return all slips of a batch in one file, for the printer."""
    found = batches.get_batch(current(), merchant(), batch_id)
    return Response(slips.slips_pdf(current(), found.slips), content_type=PDF)


def _items(body: Body) -> list[Body]:
    items = body.get("debts")
    if items is None:
        raise missing("debts")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise wrong_type("debts", "Must be a list of debts")
    if not 1 <= len(items) <= BATCH_MAX:
        raise out_of_range("debts", f"Must have between 1 and {BATCH_MAX} debts")
    return items
