"""Closing a month: afterwards its reports do not change, and what is posted late is in the next month.  Spec: PA-1, PA-3.

The boundary is a posting's number, taken while nobody is writing one; the files are made from what lies before it, and kept.
"""

import gzip
import hashlib
from datetime import date, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.exc import OperationalError

from pay.context import Pay
from pay.errors import MonthNotToClose
from pay.events import BooksAction
from pay.models.account import Account, gateway_accounts, get_account
from pay.models.closing import Closing, find_closing, find_file, last_closed, month_closings, month_files
from pay.models.ledger import ledger_transactions
from pay.operations.amounts import today
from pay.operations.moves import SYSTEM
from pay.operations.report_tables import TABLES, table_text
from pay.operations.reports import Month
from pay.standards.identifiers import AccountId
from pay.standards.staff_powers import StaffMember
from shared.web import gettext_noop as noop

JOB = "keep_month_files"
_NO_WRITERS = text("LOCK TABLE ledger_transactions IN SHARE MODE")
"""Waits until who is writing a posting has committed, and lets nobody begin one: no number below the boundary comes later."""
LOCK_WAIT_MS, _LOCK_NOT_AVAILABLE = 3_000, "55P03"
"""Others wait behind us meanwhile, so not for long."""


def month_of(pay: Pay, account: Account, first: date) -> Month:
    """Return a month as an office sees it: with the boundaries that closing has set."""
    with pay.reading() as tx:
        before = find_closing(tx.connection, account.organisation_id, (first - timedelta(days=1)).replace(day=1))
        own = find_closing(tx.connection, account.organisation_id, first)
    return Month(first, before.last_transaction if before else None, own.last_transaction if own else None)


def closing_of(pay: Pay, account: Account, month: Month) -> Closing | None:
    """Return who closed a month and when; None while it is open."""
    with pay.reading() as tx:
        return find_closing(tx.connection, account.organisation_id, month.first)


def accounts_of(pay: Pay, account: Account) -> list[Account]:
    """Return the accounts of an account's office, which are closed together."""
    c = gateway_accounts.c
    of_office = select(c.id).where(c.organisation_id == account.organisation_id).order_by(c.service_name, c.id)
    with pay.reading() as tx:
        ids = tx.connection.execute(of_office).scalars().all()
        return [get_account(tx.connection, AccountId(account_id)) for account_id in ids]


def why_not(pay: Pay, account: Account, month: Month) -> str:
    """Say why a month cannot be closed now; nothing where it can."""
    with pay.reading() as tx:
        last = last_closed(tx.connection, account.organisation_id)
    if today(pay) < month.next:
        return noop("The month is not over.")
    if last is not None and month.first <= last:
        return noop("This month is closed.")
    if last is not None and month.first != Month(last).next:
        return noop("The month before is to be closed first.")
    return ""


def close_month(pay: Pay, staff: StaffMember, account: Account, month: Month, *, wait_ms: int = LOCK_WAIT_MS) -> None:
    """Close a month for all accounts of the office.  Raises: MonthNotToClose."""
    reason = why_not(pay, account, month)
    if reason:
        raise MonthNotToClose(reason)
    try:
        _close(pay, staff, account, month, wait_ms)
    except OperationalError as fault:
        if getattr(fault.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        raise MonthNotToClose(noop("A large file is being booked just now. Try again in some minutes.")) from None


def _close(pay: Pay, staff: StaffMember, account: Account, month: Month, wait_ms: int) -> None:
    with pay.transaction() as tx:
        tx.connection.execute(select(func.set_config("lock_timeout", str(wait_ms), True)))
        tx.connection.execute(_NO_WRITERS)
        number = tx.connection.execute(select(func.coalesce(func.max(ledger_transactions.c.id), 0))).scalar_one()
        row = {
            "organisation_id": account.organisation_id,
            "month": month.first,
            "last_transaction": number,
            "closed_by": staff.actor,
            "closed_at": pay.clock.now(),
        }
        if not tx.connection.execute(insert_once(month_closings).values(row).on_conflict_do_nothing()).rowcount:
            raise MonthNotToClose(noop("This month is closed."))
        facts: dict[str, str | int] = {"month": f"{month.first:%Y-%m}", "last_transaction": number}
        tx.record(BooksAction.MONTH_CLOSED, actor=staff.actor, object_id=account.organisation_id, channel="console", data=facts)
        for each in accounts_of(pay, account):
            tx.enqueue(JOB, {"account_id": each.id, "month": month.first.isoformat()})


def keep_files(pay: Pay, account_id: AccountId, first: date) -> None:
    """Keep the files of a closed month, and their digests in the audit log; a repeat changes nothing."""
    with pay.reading() as tx:
        account = get_account(tx.connection, account_id)
        if find_file(tx.connection, account.id, first, next(iter(TABLES))) is not None:
            return
    month = month_of(pay, account, first)
    made = {name: table_text(pay, account, month, name).encode() for name in TABLES}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    rows = [
        {"account_id": account.id, "month": first, "name": name, "content": gzip.compress(content, mtime=0), "sha256": digests[name]}
        for name, content in made.items()
    ]
    with pay.transaction() as tx:
        if tx.connection.execute(insert_once(month_files).values(rows).on_conflict_do_nothing()).rowcount:
            tx.record(BooksAction.FILES_KEPT, actor=SYSTEM, object_id=account.id, data={"month": f"{first:%Y-%m}"} | digests)


def file_text(pay: Pay, account: Account, month: Month, name: str) -> str:
    """Return one report as a table: of a closed month, what it was closed with."""
    if not month.is_closed:
        return table_text(pay, account, month, name)
    keep_files(pay, account.id, month.first)
    with pay.reading() as tx:
        kept = find_file(tx.connection, account.id, month.first, name)
    return gzip.decompress(kept).decode() if kept is not None else table_text(pay, account, month, name)
