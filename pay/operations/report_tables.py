"""The reports of a month as tables, for people who take them away.  Spec: PA-1, PA-3."""

from collections.abc import Callable, Mapping

from pay.context import Pay
from pay.models.account import Account
from pay.operations import reports
from pay.operations.reports import Month
from pay.standards.csv_text import csv_text
from shared.clock import ZONE

Table = tuple[tuple[str, ...], list[tuple[object, ...]]]


def _channels(pay: Pay, account: Account, month: Month) -> Table:
    head = ("day", "channel", "count", "taken", "given_back", "net", "disputed", "settled", "fees", "currency")
    rows: list[tuple[object, ...]] = []
    for d in reports.channel_days(pay, account, month):
        moved = (d.taken_minor, d.given_back_minor, d.net_minor, d.disputed_minor, d.settled_minor, d.fees_minor)
        rows.append((d.day, d.channel, d.count, *moved, account.currency))
    return head, rows


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


def _unexplained(pay: Pay, account: Account, month: Month) -> Table:
    head = ("came", "channel", "number", "why", "amount", "currency", "decided", "decision", "payment_id")
    rows: list[tuple[object, ...]] = []
    for item in reports.month_suspense(pay, account, month):
        is_decided = item.closed_at is not None and item.closed_at < month.ends
        came, decided = (at and at.astimezone(ZONE).isoformat(timespec="seconds") for at in (item.created_at, item.closed_at))
        ended = (decided, item.state.value) if is_decided else (None, None)
        rows.append((came, item.channel, item.provider_id, item.reason.value, item.amount_minor, item.currency, *ended, item.payment_id))
    return head, rows


TABLES: Mapping[str, Callable[[Pay, Account, Month], Table]] = {
    "channels": _channels,
    "statement": _statement,
    "entries": _entries,
    "payouts": _payouts,
    "unexplained": _unexplained,
}
"""`entries` is for the accounting system."""


def table_text(pay: Pay, account: Account, month: Month, name: str) -> str:
    """Return one report as CSV."""
    return csv_text(*TABLES[name](pay, account, month))
