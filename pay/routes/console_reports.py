"""The console: reports that finance closes a month with, on the page and as CSV."""

import re
from collections.abc import Callable, Mapping
from datetime import date

from flask import Response, request

from pay.context import Pay, current
from pay.models.account import Account
from pay.operations import desk, reports
from pay.operations.amounts import ZONE, today
from pay.operations.reports import Month
from pay.routes.console import csv_answer
from pay.routes.staff import AtTheDesk, staff
from pay.standards.csv_text import csv_text
from shared import web
from shared.problems import NotFound
from shared.routes import Routes

bp = Routes("console_reports", __name__, url_prefix="/console/accounts/<account_id>/reports", access=AtTheDesk())


def _month() -> Month:
    """Return the month of the address, else the present one."""
    text = request.args.get("month", "")
    if re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", text):
        return Month(date.fromisoformat(text + "-01"))
    return Month(today(current()).replace(day=1))


@bp.get("")
def show(account_id: str) -> Response:
    """Show the month: by day and channel, and what the body is owed."""
    pay = current()
    account, month = desk.require_account(pay, staff(), account_id), _month()
    days, statement = reports.channel_days(pay, account, month), reports.body_statement(pay, account, month)
    return web.page("pay/console/reports.html", account=account, month=month, days=days, statement=statement)


@bp.get("/<name>.csv")
def export(account_id: str, name: str) -> Response:
    """Give one report as a table: `channels`, `statement`, `payouts`, `entries` (for the accounting system)."""
    pay = current()
    account, month = desk.require_account(pay, staff(), account_id), _month()
    table = _TABLES.get(name)
    if table is None:
        raise NotFound
    return csv_answer(csv_text(*table(pay, account, month)), f"{name}-{month.first:%Y-%m}")


Table = tuple[tuple[str, ...], list[tuple[object, ...]]]


def _channels(pay: Pay, account: Account, month: Month) -> Table:
    head = ("day", "channel", "count", "taken", "given_back", "net", "currency")
    found = reports.channel_days(pay, account, month)
    return head, [(d.day, d.channel, d.count, d.taken_minor, d.given_back_minor, d.net_minor, account.currency) for d in found]


def _statement(pay: Pay, account: Account, month: Month) -> Table:
    found = reports.body_statement(pay, account, month)
    opening = (month.first, 0, 0, found.opening_minor, account.currency)
    lines = [(d.day, d.credit_minor, d.debit_minor, d.balance_minor, account.currency) for d in found.days]
    return ("day", "credit", "debit", "owed", "currency"), [opening, *lines]


def _entries(pay: Pay, account: Account, month: Month) -> Table:
    head = ("at", "transaction", "source", "ledger_account", "debit", "credit", "currency", "payment_id", "reference")
    rows: list[tuple[object, ...]] = []
    for e in reports.book_entries(pay, account, month):
        at = e.at.astimezone(ZONE).isoformat(timespec="seconds")
        rows.append((at, e.transaction, e.source, e.account_code, e.debit_minor, e.credit_minor, e.currency, e.object_id, e.reference))
    return head, rows


def _payouts(pay: Pay, account: Account, month: Month) -> Table:
    head = ("payout_id", "reference", "method", "amount", "currency", "state", "ordered", "paid", "returned_because")
    rows: list[tuple[object, ...]] = []
    for o in reports.month_payouts(pay, account, month):
        ordered, paid = (at and at.astimezone(ZONE).isoformat(timespec="seconds") for at in (o.created_at, o.paid_at))
        rows.append((o.id, o.reference, o.method.value, o.amount_minor, o.currency, o.state.value, ordered, paid, o.return_reason))
    return head, rows


_TABLES: Mapping[str, Callable[[Pay, Account, Month], Table]] = {
    "channels": _channels,
    "statement": _statement,
    "entries": _entries,
    "payouts": _payouts,
}
