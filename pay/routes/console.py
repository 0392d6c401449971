"""The console: accounts, payments, refunds.  Spec: pay-api.md §23."""

from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.errors import ApiProblem
from pay.operations import account_desk, desk, dispute_desk, dispute_hand_in, payments, payout_refunds, refund_desk, searches
from pay.operations.searches import Query
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.console import PAGE_SIZE, read_amount, read_search
from pay.schemas.searches import STATUSES
from pay.standards.csv_text import csv_text
from pay.standards.dispute_states import DisputeState
from pay.standards.payment_object import Payment
from pay.standards.payment_states import SUCCESS
from pay.standards.staff_powers import Power
from shared import web
from shared.clock import ZONE
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console", __name__, url_prefix="/console", access=AtTheDesk())
CSV = "text/csv; charset=utf-8"
EXPORT_MAX = 50_000


@bp.get("")
def home() -> Response:
    """List the accounts this person may look at."""
    pay, who = current(), staff()
    rows = [(account, desk.owed_minor(pay, account)) for account in desk.list_accounts(pay, who)]
    return web.page("pay/console/home.html", rows=rows, is_operator=who.is_operator)


@bp.get("/accounts/<account_id>")
def show_account(account_id: str) -> Response:
    """Show an account: what it is owed, what waits to be decided."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    waiting = [request for request in refund_desk.list_requests(pay, account) if request.state == "proposed"]
    values: dict[str, Any] = {"owed": desk.owed_minor(pay, account), "waiting": waiting, "limit": refund_desk.get_limit(pay, account)}
    values["disputed"] = dispute_desk.open_disputes(pay, account, DisputeState.NEEDS_RESPONSE)
    values |= {"is_operator": who.is_operator, "has_provider": account_desk.page_gateway_of(pay, account) is not None}
    return web.page("pay/console/account.html", account=account, powers=who.powers_in(account.organisation_id), **values)


@bp.get("/accounts/<account_id>/payments")
def list_payments(account_id: str) -> Response:
    """Search the payments of an account; the filters stand in the address."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    search = read_search(request.args)
    found = searches.search_payments(pay, desk.acting_for(who, account), _query(search.values, search.page, PAGE_SIZE))
    pages = max(1, -(-found.total // PAGE_SIZE))
    values: dict[str, Any] = {"found": found, "search": search, "pages": pages, "statuses": STATUSES}
    return web.page("pay/console/payments.html", account=account, error_list=web.errors_of(search.faults), **values)


@bp.get("/accounts/<account_id>/payments.csv")
def export_payments(account_id: str) -> Response:
    """Give the payments that a search finds as a table.  Spec: §23 (columns)."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    values = read_search(request.args).values
    rows: list[list[object]] = []
    page = 1
    while len(rows) < EXPORT_MAX:
        try:
            found = searches.search_payments(pay, desk.acting_for(who, account), _query(values, page, searches.DISPLAY_SIZE_MAX))
        except ApiProblem:  # past the end
            break
        rows += [_csv_row(payment) for payment in found.payments]
        if len(found.payments) < searches.DISPLAY_SIZE_MAX:
            break
        page += 1
    return csv_answer(csv_text(_CSV_HEAD, rows), "payments")


@bp.get("/payments/<payment_id>")
def show_payment(payment_id: str) -> Response:
    """Show a payment, its history and its refunds."""
    pay, who = current(), staff()
    payment, account = desk.require_payment_at_desk(pay, who, payment_id)
    events = payments.list_events(pay, desk.acting_for(who, account), payment.id)
    values: dict[str, Any] = {
        "events": events,
        "refunds": refund_desk.refunds_of(pay, payment),
        "requests": refund_desk.list_requests(pay, account, payment_id=payment.id),
        "payouts": payout_refunds.payouts_of(pay, payment),
        "by_payout": payout_refunds.needs_payout(payment) and account.allow_payouts,
        "may_dispute": Power.MONEY in who.powers_in(account.organisation_id) and dispute_hand_in.disputable_minor(pay, payment) > 0,
        "may_refund": Power.MONEY in who.powers_in(account.organisation_id) and payment.public_state is SUCCESS,
    }
    return web.page("pay/console/payment.html", payment=payment, account=account, **values)


@bp.get("/payments/<payment_id>/refund")
def ask_refund(payment_id: str) -> Response:
    """Ask how much goes back, and why."""
    second_factor()
    payment, account = desk.require_payment_at_desk(current(), staff(), payment_id, Power.MONEY)
    values: dict[str, Any] = {"values": {}, "error_list": [], "limit": refund_desk.get_limit(current(), account)}
    return web.page("pay/console/refund.html", payment=payment, account=account, **values)


@bp.post("/payments/<payment_id>/refund")
def send_refund(payment_id: str) -> BaseResponse:
    """Refund, or propose it to a second person."""
    second_factor()
    pay, who = current(), staff()
    payment, account = desk.require_payment_at_desk(pay, who, payment_id, Power.MONEY)
    amount, reason = read_amount(request.form.get("amount", ""), payment.currency), request.form.get("reason", "").strip()[:200]
    faults = []
    if amount is None or not 1 <= amount <= payment.available_minor:
        faults.append(("amount", gettext("Type an amount that is not more than what is left.")))
    if not reason:
        faults.append(("reason", gettext("Say why the money goes back.")))
    if not faults and amount is not None:
        try:
            refund_desk.propose_refund(pay, who, payment, amount, reason)
            return redirect(f"/console/payments/{payment.id}", 303)
        except ApiProblem:
            faults.append(("amount", gettext("This payment cannot be refunded just now. Look at it again.")))
    values: dict[str, Any] = {"values": request.form, "error_list": web.errors_of(faults), "limit": refund_desk.get_limit(pay, account)}
    return web.page("pay/console/refund.html", 422, payment=payment, account=account, **values)


@bp.get("/accounts/<account_id>/refund-requests")
def list_refund_requests(account_id: str) -> Response:
    """List what staff asked for, those that wait first."""
    second_factor()
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.MONEY)
    return web.page("pay/console/refund_requests.html", account=account, staff=who, requests=refund_desk.list_requests(pay, account))


@bp.post("/accounts/<account_id>/refund-requests/<request_id>")
def decide(account_id: str, request_id: str) -> BaseResponse:
    """Approve or reject what somebody else asked for."""
    second_factor()
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.MONEY)
    decision = request.form.get("decision")
    if decision not in {"approve", "reject"}:
        raise NotFound
    refund_desk.decide_refund(pay, who, account, request_id, approve=decision == "approve")
    return redirect(f"/console/accounts/{account.id}/refund-requests", 303)


def _query(values: dict[str, str], page: int, size: int) -> Query:
    def moment(name: str, *, later: int = 0) -> datetime | None:
        text = values.get(name)
        return datetime.combine(date.fromisoformat(text) + timedelta(days=later), time(), ZONE) if text else None

    return Query(
        reference=values.get("reference"),
        status=values.get("state"),
        from_date=moment("from"),
        to_date=moment("to", later=1),
        page=page,
        display_size=size,
    )


_CSV_HEAD = (
    "Reference",
    "Description",
    "Amount",
    "Currency",
    "Refunded",
    "State",
    "Error Code",
    "Card Brand",
    "Card Number",
    "Provider",
    "Provider ID",
    "Payment ID",
    "Date Created",
    "Captured",
)


def _csv_row(payment: Payment) -> list[object]:
    state, card = payment.public_state, payment.card
    return [
        payment.reference,
        payment.description,
        payment.amount_minor,
        payment.currency,
        payment.refunded_minor,
        state.status,
        state.code,
        card.brand if card else None,
        card.last_digits if card else None,
        payment.gateway,
        payment.provider_id,
        payment.id,
        payment.created_at.astimezone(ZONE).isoformat(timespec="seconds"),
        payment.captured_at.astimezone(ZONE).date().isoformat() if payment.captured_at else None,
    ]


def csv_answer(text: str, name: str) -> Response:
    """Return a table as a file to keep."""
    answer = Response(text, content_type=CSV)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer
