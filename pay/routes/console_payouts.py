"""The console: pay-outs to people, of one person or two, and the money they come out of.  Spec: requirements PA-8, PA-9."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.errors import ApiProblem, DepositBooked, PayoutNotCovered, ReportUnreadable
from pay.models.account import Account
from pay.operations import deposits, desk, payout_files, payout_refunds, payouts, refund_desk
from pay.providers.payout_bank import Report
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.console import PAGE_SIZE, read_amount
from pay.schemas.payouts import STATES, read_payout_form
from pay.standards.credit_transfers import UnreadableReport
from pay.standards.identifiers import ALPHABET, LENGTH, PayoutId, is_public_id
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import Forbidden, NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_payouts", __name__, url_prefix="/console", access=AtTheDesk())
_BASE = "/accounts/<account_id>/payouts"
REPORT_MAX = 10_000_000


def _account(account_id: str, power: Power = Power.MONEY) -> Account:
    second_factor()
    return desk.require_account(current(), staff(), account_id, power)


@bp.get(_BASE)
def list_payouts(account_id: str) -> Response:
    """List the pay-outs of an account, newest first."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    state, page = request.args.get("state", ""), request.args.get("page", "1")
    state, number = state if state in STATES else "", int(page) if page.isascii() and page.isdigit() and int(page[:7]) > 0 else 1
    try:
        found = payouts.search_payouts(pay, account.id, state=state or None, page=number, size=PAGE_SIZE)
    except ApiProblem:
        raise NotFound from None
    values: dict[str, Any] = {
        "found": found,
        "state": state,
        "states": STATES,
        "page": number,
        "pages": max(1, -(-found.total // PAGE_SIZE)),
    }
    powers = who.powers_in(account.organisation_id)
    return web.page("pay/console/payouts.html", account=account, powers=powers, staff=who, free=payouts.free_minor(pay, account), **values)


def _payout_id() -> PayoutId:
    """Return the id that the form carries, so that sending it twice is one order; a new one for a new form."""
    carried = request.form.get("payout_id", "")
    return PayoutId(carried if is_public_id(carried) else current().ids.pick(ALPHABET, LENGTH))


def _form(account: Account, status: int = 200, **values: Any) -> Response:  # what the template shows
    pay = current()
    known: dict[str, Any] = {"values": {}, "error_list": [], "payment": None, "payout_id": _payout_id()}
    limit, free = refund_desk.get_payout_limit(pay, account), payouts.free_minor(pay, account)
    return web.page("pay/console/payout_new.html", status, account=account, limit=limit, free=free, **{**known, **values})


@bp.get(f"{_BASE}/new")
def ask_payout(account_id: str) -> Response:
    """Ask who gets how much."""
    account = _account(account_id)
    payouts.check_may_pay_out(current(), account)
    return _form(account)


@bp.post(f"{_BASE}/new")
def order_payout(account_id: str) -> BaseResponse:
    """Order a pay-out, or propose it to a second person."""
    account, pay, who = _account(account_id), current(), staff()
    payouts.check_may_pay_out(pay, account)
    read = read_payout_form(request.form, account)
    faults = list(read.faults)
    if read.order is not None:
        try:
            made = payouts.order_at_desk(pay, who, account, read.order, _payout_id())
            return redirect(f"/console/accounts/{account.id}/payouts/{made.id}", 303)
        except PayoutNotCovered:
            faults.append(("amount", gettext("The office has less money here than this.")))
    return _form(account, 422, values=request.form, error_list=web.errors_of(faults))


@bp.get(f"{_BASE}/<payout_id>")
def show_payout(account_id: str, payout_id: str) -> Response:
    """Show a pay-out and what happened to it; who gets it, and the code, to those who handle money."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    payout = payouts.get_payout(pay, account.id, payout_id)
    may_decide = Power.MONEY in who.powers_in(account.organisation_id)
    values: dict[str, Any] = {"steps": payouts.list_steps(pay, payout), "may_decide": may_decide, "staff": who}
    return web.page(
        "pay/console/payout.html", account=account, payout=payout, code=payouts.cash_code(pay, payout) if may_decide else None, **values
    )


@bp.post(f"{_BASE}/<payout_id>/<decision>")
def decide(account_id: str, payout_id: str, decision: str) -> BaseResponse:
    """Approve or reject what somebody else ordered, or take a pay-out back."""
    account, pay, who = _account(account_id), current(), staff()
    if decision in {"approve", "reject"}:
        payouts.decide_payout(pay, who, account, payout_id, approve=decision == "approve")
    elif decision == "cancel":
        payouts.cancel_payout(pay, account.id, payout_id, actor=who.actor)
    else:
        raise NotFound
    return redirect(f"/console/accounts/{account.id}/payouts/{payout_id}", 303)


@bp.get("/payments/<payment_id>/pay-out")
def ask_refund(payment_id: str) -> Response:
    """Ask who gets back what a counter took."""
    second_factor()
    payment, account = desk.require_payment_at_desk(current(), staff(), payment_id, Power.MONEY)
    payouts.check_may_pay_out(current(), account)
    if not payout_refunds.needs_payout(payment):
        raise NotFound
    values = {"amount": str(payment.available_minor), "reference": payment.reference[:200]}
    return _form(account, payment=payment, values=values)


@bp.post("/payments/<payment_id>/pay-out")
def order_refund(payment_id: str) -> BaseResponse:
    """Give a payment back by a pay-out."""
    second_factor()
    pay, who = current(), staff()
    payment, account = desk.require_payment_at_desk(pay, who, payment_id, Power.MONEY)
    read = read_payout_form(request.form, account, at_most=payment.available_minor)
    faults = list(read.faults)
    if read.order is not None:
        try:
            made = payout_refunds.refund_by_payout(pay, who, account, payment, read.order, payout_id=_payout_id())
            return redirect(f"/console/accounts/{account.id}/payouts/{made.id}", 303)
        except PayoutNotCovered:
            faults.append(("amount", gettext("The office has less money here than this.")))
        except ApiProblem:
            faults.append(("amount", gettext("This payment cannot be refunded just now. Look at it again.")))
    return _form(account, 422, payment=payment, values=request.form, error_list=web.errors_of(faults))


def _limit_page(account: Account, typed: str, status: int = 200, *, fault: str = "") -> Response:
    errors = web.errors_of([("limit", fault)]) if fault else []
    question = gettext("How much may be paid out without a second person?")
    hint = gettext("This counts for each key of the account too. 0 means that every pay-out needs a second person.")
    return web.page("pay/console/limit.html", status, account=account, limit=typed, question=question, hint=hint, error_list=errors)


@bp.get("/accounts/<account_id>/payout-limit")
def ask_limit(account_id: str) -> Response:
    """Ask how much may be paid out without a second person."""
    account = _account(account_id)
    return _limit_page(account, str(refund_desk.get_payout_limit(current(), account)))


@bp.post("/accounts/<account_id>/payout-limit")
def set_limit(account_id: str) -> BaseResponse:
    """Say how much may be paid out without a second person."""
    account, typed = _account(account_id), request.form.get("limit", "")
    amount = read_amount(typed, account.currency)
    if amount is None:
        return _limit_page(account, typed, 422, fault=gettext("Type an amount."))
    refund_desk.set_payout_limit(current(), staff(), account, amount)
    return redirect(f"/console/accounts/{account.id}/payouts", 303)


def _deposit_page(account: Account, status: int = 200, *, faults: list[tuple[str, str]] | None = None) -> Response:
    return web.page("pay/console/deposit.html", status, account=account, values=request.form, error_list=web.errors_of(faults or []))


def _operator(account_id: str) -> Account:
    account = _account(account_id)
    if not staff().is_operator:
        raise Forbidden(gettext("Only an operator books what came in at the bank."))
    return account


@bp.get("/accounts/<account_id>/deposit")
def ask_deposit(account_id: str) -> Response:
    """Ask an operator what an office put in, by the bank's statement."""
    return _deposit_page(_operator(account_id))


@bp.post("/accounts/<account_id>/deposit")
def book_deposit(account_id: str) -> BaseResponse:
    """Book what an office put in; the same reference again changes nothing."""
    account = _operator(account_id)
    amount, reference = read_amount(request.form.get("amount", ""), account.currency), request.form.get("reference", "").strip()[:100]
    faults = []
    if amount is None or amount < 1:
        faults.append(("amount", gettext("Type an amount.")))
    if not reference:
        faults.append(("reference", gettext("Type the number of the movement on the bank's statement.")))
    if not faults and amount is not None:
        try:
            deposits.book_deposit(current(), staff(), account, reference, amount)
            return redirect(f"/console/accounts/{account.id}/payouts", 303)
        except DepositBooked:
            faults.append(("reference", gettext("This movement was booked before with another amount.")))
    return _deposit_page(account, 422, faults=faults)


@bp.post("/accounts/<account_id>/payout-report")
def take_report(account_id: str) -> BaseResponse:
    """Read a report that the bank gave as a file."""
    account, pay = _operator(account_id), current()
    given = request.files.get("report")
    content = given.read(REPORT_MAX + 1) if given is not None else b""
    bank = pay.payout_bank_of(account)
    if bank is None or not content or len(content) > REPORT_MAX:
        raise ReportUnreadable
    try:
        payout_files.take_report(pay, bank, Report(given.filename or "report" if given else "report", content), actor=staff().actor)
    except UnreadableReport as fault:
        raise ReportUnreadable(str(fault)) from None
    return redirect(f"/console/accounts/{account.id}/payouts", 303)
