"""Reports finance can close a month with; every figure is a sum of ledger entries, so they agree with the books.  Spec: PA-1, PA-3."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Date, case, cast, func, select

from pay.context import Pay
from pay.models.account import Account
from pay.models.ledger import ledger_entries, ledger_transactions
from pay.models.payment import payments
from pay.models.payout import Payout, payout_of, payouts
from pay.operations.amounts import ZONE
from pay.standards.ledger import Layer, Side

_E, _T = ledger_entries.c, ledger_transactions.c
ENTRIES_MAX = 200_000


@dataclass(frozen=True)
class Month:
    """A month in Santiago."""

    first: date

    @property
    def next(self) -> date:
        """Return the first day after it."""
        return (self.first.replace(day=28) + timedelta(days=4)).replace(day=1)

    @property
    def begins(self) -> datetime:
        """Return its first moment."""
        return datetime.combine(self.first, time(), ZONE)

    @property
    def ends(self) -> datetime:
        """Return the first moment after it."""
        return datetime.combine(self.next, time(), ZONE)


@dataclass(frozen=True)
class ChannelDay:
    """What one channel took and gave back on one day, in minor units; `count` is of what was taken."""

    day: date
    channel: str
    taken_minor: int
    given_back_minor: int
    count: int

    @property
    def net_minor(self) -> int:
        """What is left of the day."""
        return self.taken_minor - self.given_back_minor


@dataclass(frozen=True)
class StatementDay:
    """One day of what is owed to a body: what came, what went, what is owed at its end."""

    day: date
    credit_minor: int
    debit_minor: int
    balance_minor: int


@dataclass(frozen=True)
class Statement:
    """What is owed to a body over a month, from its opening balance to its closing one."""

    opening_minor: int
    days: tuple[StatementDay, ...]

    @property
    def closing_minor(self) -> int:
        """What is owed when the month is over."""
        return self.days[-1].balance_minor if self.days else self.opening_minor


@dataclass(frozen=True)
class BookEntry:
    """One line for the accounting system."""

    at: datetime
    transaction: int
    source: str
    account_code: str
    debit_minor: int
    credit_minor: int
    currency: str
    object_id: str
    """The payment, or the pay-out, that the line is about."""
    reference: str


def _local_day() -> ColumnElement[date]:
    return cast(func.timezone(str(ZONE), _T.created_at), Date)


def _side(side: Side) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((_E.side == side.value, _E.amount_minor), else_=0)), 0)


def channel_days(pay: Pay, account: Account, month: Month) -> list[ChannelDay]:
    """Return what each channel took and gave back on each day, in order."""
    day, channel = _local_day(), func.split_part(_E.account_code, ":", 2)
    taken = func.count().filter(_E.side == Side.DEBIT.value)
    statement = (
        select(day, channel, _side(Side.DEBIT), _side(Side.CREDIT), taken)
        .join(ledger_transactions, _T.id == _E.transaction_id)
        .where(_E.account_code.like("channel\\_receivable:%"), func.split_part(_E.account_code, ":", 3) == account.id)
        .where(_E.layer == Layer.POSTED.value, _T.created_at >= month.begins, _T.created_at < month.ends)
        .where(_T.source.like("payment:%") | _T.source.like("refund:%"))
        .group_by(day, channel)
        .order_by(day, channel)
    )
    with pay.listing() as tx:
        rows = tx.connection.execute(statement).all()
    return [ChannelDay(at, name, int(debit), int(credit), int(count)) for at, name, debit, credit, count in rows]


def body_statement(pay: Pay, account: Account, month: Month) -> Statement:
    """Return what is owed to the account's body, over all its accounts, day by day."""
    code = f"beneficiary_payable:{account.organisation_id}"
    ours = (_E.account_code == code) & (_E.currency == account.currency) & (_E.layer == Layer.POSTED.value)
    before = select(_side(Side.CREDIT) - _side(Side.DEBIT)).join(ledger_transactions, _T.id == _E.transaction_id)
    day = _local_day()
    by_day = (
        select(day, _side(Side.CREDIT), _side(Side.DEBIT))
        .join(ledger_transactions, _T.id == _E.transaction_id)
        .where(ours, _T.created_at >= month.begins, _T.created_at < month.ends)
        .group_by(day)
        .order_by(day)
    )
    with pay.listing() as tx:
        opening = int(tx.connection.execute(before.where(ours, _T.created_at < month.begins)).scalar_one())
        rows = tx.connection.execute(by_day).all()
    days, balance = [], opening
    for at, credit, debit in rows:
        balance += int(credit) - int(debit)
        days.append(StatementDay(at, int(credit), int(debit), balance))
    return Statement(opening, tuple(days))


def book_entries(pay: Pay, account: Account, month: Month) -> Iterator[BookEntry]:
    """Return every posted line of the account's payments and pay-outs in a month, in the order of the books: the accounting export."""
    p, o = payments.c, payouts.c
    named = (func.coalesce(o.id, _T.payment_id), func.coalesce(o.reference, p.reference))
    statement = (
        select(_T.created_at, _T.id, _T.source, _E.account_code, _E.side, _E.amount_minor, _E.currency, *named)
        .join(ledger_transactions, _T.id == _E.transaction_id)
        .outerjoin(payments, (p.id == _T.payment_id) & (p.account_id == account.id))
        .outerjoin(payouts, (o.id == _T.source_id) & (o.account_id == account.id) & _T.source.like("payout:%"))
        .where(p.id.is_not(None) | o.id.is_not(None), _E.layer == Layer.POSTED.value)
        .where(_T.created_at >= month.begins, _T.created_at < month.ends)
        .order_by(_T.id, _E.id)
        .limit(ENTRIES_MAX)
    )
    with pay.listing() as tx:
        for at, number, source, code, side, amount, currency, object_id, reference in tx.connection.execute(statement):
            debit, credit = (amount, 0) if side == Side.DEBIT.value else (0, amount)
            yield BookEntry(at, number, source, code, debit, credit, currency, object_id, reference)


def month_payouts(pay: Pay, account: Account, month: Month) -> list[Payout]:
    """Return the pay-outs that were ordered in a month, oldest first."""
    c = payouts.c
    statement = select(payouts).where(c.account_id == account.id, c.created_at >= month.begins, c.created_at < month.ends)
    with pay.listing() as tx:
        rows = tx.connection.execute(statement.order_by(c.created_at, c.id).limit(ENTRIES_MAX))
        return [payout_of(row, pay.cipher) for row in rows]
