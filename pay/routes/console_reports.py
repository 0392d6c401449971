"""The console: reports that finance closes a month with, on the page and as CSV.  Spec: PA-1, PA-3."""

import re
from datetime import date
from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.models.account import Account
from pay.operations import closings, desk, dispute_desk, reports
from pay.operations.amounts import today
from pay.operations.report_tables import TABLES
from pay.operations.reports import Month
from pay.routes.console import csv_answer
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import NotFound
from shared.routes import Routes

bp = Routes("console_reports", __name__, url_prefix="/console/accounts/<account_id>/reports", access=AtTheDesk())


def _month(account: Account, text: str) -> Month:
    """Return the month that is named, else the present one."""
    is_month = re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", text, re.ASCII)
    first = date.fromisoformat(text + "-01") if is_month else today(current()).replace(day=1)
    return closings.month_of(current(), account, first)


@bp.get("")
def show(account_id: str) -> Response:
    """Show the month: by day and channel, what the body is owed, what is unexplained."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    month = _month(account, request.args.get("month", ""))
    values: dict[str, Any] = {
        "days": reports.channel_days(pay, account, month),
        "left": reports.at_channels(pay, account, month),
        "statement": reports.body_statement(pay, account, month),
        "suspense": reports.month_suspense(pay, account, month),
        "closing": closings.closing_of(pay, account, month),
        "may_close": Power.MONEY in who.powers_in(account.organisation_id) and not closings.why_not(pay, account, month),
    }
    return web.page("pay/console/reports.html", account=account, month=month, **values)


@bp.get("/<name>.csv")
def export(account_id: str, name: str) -> Response:
    """Give one report as a table: `channels`, `statement`, `unexplained`, `payouts`, `entries` (for the accounting system)."""
    pay = current()
    account = desk.require_account(pay, staff(), account_id)
    month = _month(account, request.args.get("month", ""))
    if name not in TABLES:
        raise NotFound
    return csv_answer(closings.file_text(pay, account, month, name), f"{name}-{month.first:%Y-%m}")


@bp.get("/close")
def ask_close(account_id: str) -> Response:
    """Show what is still open, and ask whether the month is to be closed."""
    second_factor()
    pay = current()
    account = desk.require_account(pay, staff(), account_id, Power.MONEY)
    month = _month(account, request.args.get("month", ""))
    waiting = [item for item in reports.month_suspense(pay, account, month) if item.closed_at is None]
    values: dict[str, Any] = {
        "left": reports.at_channels(pay, account, month),
        "waiting": waiting,
        "disputes": dispute_desk.open_disputes(pay, account),
        "accounts": closings.accounts_of(pay, account),
        "why_not": closings.why_not(pay, account, month),
    }
    return web.page("pay/console/close_month.html", account=account, month=month, **values)


@bp.post("/close")
def close(account_id: str) -> BaseResponse:
    """Close the month for the whole office."""
    second_factor()
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.MONEY)
    month = _month(account, request.form.get("month", ""))
    closings.close_month(pay, who, account, month)
    return redirect(f"/console/accounts/{account.id}/reports?month={month.first:%Y-%m}", 303)
