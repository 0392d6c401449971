"""Notices are given numbers: by whom, which, and to which payment.  Spec: pay-design.md §6, §8."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, insert, select, update

from pay.context import Pay
from pay.events import NoticeEvent
from pay.models.account import Account
from pay.models.notice import Issuer, find_issuer, insert_notice, notice_issuers
from pay.models.payment import payments
from pay.standards.notice_number import DIGITS, ISSUER_DIGITS, RANDOM_DIGITS, NoticeNumber, make_number
from pay.standards.notice_states import NoticeState
from shared.clock import ZONE
from shared.transaction import Transaction

DAYS_TO_PAY = timedelta(days=3)
BANK_DAYS = timedelta(days=5)
"""So long the bank may take to tell us of a transfer made on the last day: a week-end and a holiday lie between."""
ISSUERS_MAX = 10**ISSUER_DIGITS
_ISSUER_LOCK = 0x2A7_0001


def offers_cash(pay: Pay, account: Account) -> bool:
    """Answer whether a payer may choose a counter: where the account issues notices to its payers."""
    with pay.reading() as tx:
        issuer = find_issuer(tx.connection, account.id)
    return issuer is not None and issuer.at_counters


def offers_transfer(pay: Pay, account: Account) -> bool:
    """Answer whether a payer may transfer to our bank account: where the account allows it, and there is one in the currency."""
    return bool(pay.settings.transfer_account) and account.allow_transfer and account.currency == pay.settings.counter_currency


def place_notice(pay: Pay, tx: Transaction, issuer: Issuer, row: dict[str, object], *, actor: str) -> NoticeNumber:
    """Write a notice of a payment and return its number, which the payment bears from now on."""
    now = pay.clock.now()
    row |= {"account_id": issuer.account_id, "state": NoticeState.OPEN.value, "created_at": now, "updated_at": now}
    number = new_number(pay, issuer)
    while not insert_notice(tx.connection, row | {"number": number}):  # given before: one in a million million
        number = new_number(pay, issuer)
    tx.connection.execute(update(payments).where(payments.c.id == row["payment_id"]).values(notice_number=number))
    facts = {"payment_id": str(row["payment_id"]), "debt_id": str(row["debt_id"])}
    tx.record(NoticeEvent.ISSUED, actor=actor, object_id=number, data=facts)
    return number


def ensure_issuer(pay: Pay, tx: Transaction, account: Account, *, at_counters: bool = True) -> Issuer:
    """Return the issuer that an account is; the first time it gets the next three digits.  Raises: LookupError when all are given.

    `at_counters`: its payers may choose a counter from now on; otherwise it stays as it is.
    """
    found = find_issuer(tx.connection, account.id) or _first_issuer(pay, tx, account, at_counters)
    if at_counters and not found.at_counters:
        opened = update(notice_issuers).where(notice_issuers.c.account_id == account.id).values(at_counters=True)
        tx.connection.execute(opened)
    return replace(found, at_counters=at_counters or found.at_counters)


def _first_issuer(pay: Pay, tx: Transaction, account: Account, at_counters: bool) -> Issuer:
    tx.connection.execute(select(func.pg_advisory_xact_lock(_ISSUER_LOCK)))
    meanwhile = find_issuer(tx.connection, account.id)  # somebody may have held the lock for the same account
    if meanwhile is not None:
        return meanwhile
    given = tx.connection.execute(select(func.count()).select_from(notice_issuers)).scalar_one()
    if given + 1 >= ISSUERS_MAX:
        raise LookupError("every issuer code is given")
    row = {"account_id": account.id, "code": f"{given + 1:03d}", "at_counters": at_counters, "created_at": pay.clock.now()}
    tx.connection.execute(insert(notice_issuers).values(row))
    return Issuer(account.id, f"{given + 1:03d}", None, None, at_counters)


def new_number(pay: Pay, issuer: Issuer) -> NoticeNumber:
    """Return a number that nobody can guess."""
    return make_number(issuer.code, pay.ids.pick(DIGITS, RANDOM_DIGITS))


def end_of_day(day: date) -> datetime:
    """Return the last moment of a day in Santiago."""
    return datetime.combine(day + timedelta(days=1), time(), ZONE) - timedelta(seconds=1)
