"""Payments that their service lets be paid later, at a counter or by transfer: they get their notice when they are made.

Spec: pay-api.md §25, pay-design.md §8.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pay.context import Pay
from pay.errors import AttributeOutOfRange
from pay.models.account import Account
from pay.models.notice import Debtor, seal_debtor
from pay.operations.amounts import today
from pay.operations.notice_issuing import BANK_DAYS, DAYS_TO_PAY, end_of_day, ensure_issuer, offers_transfer, place_notice
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.notice_number import NoticeNumber
from pay.standards.payment_object import Payment
from shared.clock import ZONE
from shared.transaction import Transaction

LATER = ("transfer", "cash")
SOONEST, LATEST = timedelta(minutes=90), timedelta(days=5 * 366)


@dataclass(frozen=True)
class Later:
    """What a service asks for: until when (None: three days), and who owes."""

    expires_at: datetime | None = None
    debtor: Debtor = Debtor()


@dataclass(frozen=True)
class Term:
    """Until when a payer is told to pay, and until when the payment waits: longer, for a bank tells of a transfer days later."""

    due_on: date
    until: datetime


def term_of(pay: Pay, account: Account, methods: tuple[str, ...], later: Later) -> Term:
    """Return until when a payment waits.  Raises: AttributeOutOfRange."""
    if "transfer" in methods and not offers_transfer(pay, account):
        raise _refused("payment_methods", "transfer is not enabled for this account")
    last = later.expires_at or end_of_day(today(pay) + DAYS_TO_PAY)
    if not SOONEST <= last - pay.clock.now() <= LATEST:
        raise _refused("expires_at", "Must be at least 90 minutes from now, and within five years")
    return Term(last.astimezone(ZONE).date(), last + BANK_DAYS if "transfer" in methods else last)


def give_notice(pay: Pay, tx: Transaction, payment: Payment, account: Account, term: Term, *, debtor: Debtor, actor: str) -> NoticeNumber:
    """Give a new payment its notice, in the transaction that makes it."""
    issuer = ensure_issuer(pay, tx, account, at_counters="cash" in payment.methods)
    row: dict[str, object] = {"payment_id": payment.id, "debt_id": pay.ids.pick(ALPHABET, LENGTH), "instalment": 1, "instalments": 1}
    row["due_on"] = term.due_on
    row |= seal_debtor(pay.cipher, account.id, debtor)
    return place_notice(pay, tx, issuer, row, actor=actor)


def _refused(field: str, why: str) -> AttributeOutOfRange:
    return AttributeOutOfRange("P0102", f"Invalid attribute value: {field}. {why}", field=field)
