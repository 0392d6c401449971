"""Reports finance can close a month with; every figure is a sum of ledger entries, so they agree with the books.  Spec: PA-1, PA-3."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Date, and_, case, cast, func, or_, select

from pay.context import Pay
from pay.models.account import Account
from pay.models.ledger import ledger_entries, ledger_transactions
from pay.models.payment import payments
from pay.models.payout import Payout, payout_of, payouts
from pay.models.suspense import SuspenseItem, item_of, suspense_items
from pay.standards.ledger import Layer, Side, Source
from shared.clock import ZONE
from shared.transaction import Transaction

_E, _T = ledger_entries.c, ledger_transactions.c
ENTRIES_MAX = 200_000


@dataclass(frozen=True)
class Month:
    """A month in Santiago, as one office sees it.

    `after` is the last posting of the month before where that is closed, `until` the last one of this month where it is closed.
    """

    first: date
    after: int | None = None
    until: int | None = None

    @property
    def is_closed(self) -> bool:
        """True when nothing comes into it any more."""
        return self.until is not None

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

    def holds(self) -> ColumnElement[bool]:
        """What is posted in it: on its days, or late, when the month that it is dated in was closed."""
        late = _T.id > self.after if self.after is not None else None
        begun = _T.created_at >= self.begins if late is None else or_(_T.created_at >= self.begins, late)
        return and_(begun, self._not_later())

    def follows(self) -> ColumnElement[bool]:
        """What was posted before it."""
        early = _T.created_at < self.begins
        return early if self.after is None else and_(early, _T.id <= self.after)

    def ends_with(self) -> ColumnElement[bool]:
        """All that was posted until its end."""
        return self._not_later()

    def _not_later(self) -> ColumnElement[bool]:
        in_time = _T.created_at < self.ends
        return in_time if self.until is None else and_(in_time, _T.id <= self.until)


@dataclass(frozen=True)
class ChannelDay:
    """What one channel took, gave back and paid to our bank on one day, in minor units; `count` is of what was taken."""

    day: date
    channel: str
    taken_minor: int
    given_back_minor: int
    count: int
    disputed_minor: int
    """What the channel kept back for disputes, less what it owes again."""
    settled_minor: int
    """What it paid of what it owed, its fees included, less what it took back."""
    fees_minor: int

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


def _reading(pay: Pay, month: Month) -> AbstractContextManager[Transaction]:
    """A month that is closed is read from the database itself: its files must not miss what a replica has yet to hear of."""
    return pay.reading() if month.is_closed else pay.listing()


def _local_day(month: Month) -> ColumnElement[date]:
    """The day of a posting; of a late one the first day of the month that it counts in."""
    return func.greatest(cast(func.timezone(str(ZONE), _T.created_at), Date), month.first)


def _side(side: Side) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((_E.side == side.value, _E.amount_minor), else_=0)), 0)


def channel_days(pay: Pay, account: Account, month: Month) -> list[ChannelDay]:
    """Return what each channel took, gave back and paid on each day, in order."""
    day, channel = _local_day(month), func.split_part(_E.account_code, ":", 2)
    debit, credit = _E.side == Side.DEBIT.value, _E.side == Side.CREDIT.value
    of_payer = or_(_T.source.like("payment:%"), _T.source.like("refund:%"))
    amount, signed = _E.amount_minor, case((credit, _E.amount_minor), else_=-_E.amount_minor)

    def total(value: ColumnElement[int], *which: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(value).filter(*which), 0)

    sums = (
        total(amount, debit, of_payer),
        total(amount, credit, of_payer),
        func.count().filter(debit, of_payer),
        total(signed, _T.source.like("dispute:%")),
        total(signed, _T.source == Source.SETTLED.value),
    )
    ours = and_(_E.account_code.like("channel\\_receivable:%"), func.split_part(_E.account_code, ":", 3) == account.id)
    statement = (
        select(day, channel, *sums)
        .join(ledger_transactions, _T.id == _E.transaction_id)
        .where(ours, _E.layer == Layer.POSTED.value, month.holds())
        .where(or_(of_payer, _T.source.like("dispute:%"), _T.source == Source.SETTLED.value))
        .group_by(day, channel)
        .order_by(day, channel)
    )
    with _reading(pay, month) as tx:
        rows = tx.connection.execute(statement).all()
        fees = _fees_by_day(tx, account, month)
    return [
        ChannelDay(at, name, int(taken), int(given), int(count), int(kept), int(settled), fees.get((at, name), 0))
        for at, name, taken, given, count, kept, settled in rows
    ]


def _fees_by_day(tx: Transaction, account: Account, month: Month) -> dict[tuple[date, str], int]:
    """What channels kept for themselves of what they settled with the account."""
    day, own = _local_day(month), ledger_entries.alias()
    channel = func.split_part(_E.account_code, ":", 2)
    of_account = own.c.account_code == func.concat("channel_receivable:", channel, f":{account.id}")
    statement = (
        select(day, channel, _side(Side.DEBIT) - _side(Side.CREDIT))
        .join(ledger_transactions, _T.id == _E.transaction_id)
        .where(_E.account_code.like("fees:%"), _T.source == Source.SETTLED.value, month.holds())
        .where(select(own.c.id).where(own.c.transaction_id == _T.id, of_account).exists())
        .group_by(day, channel)
    )
    return {(at, name): int(minor) for at, name, minor in tx.connection.execute(statement)}


def at_channels(pay: Pay, account: Account, month: Month) -> list[tuple[str, int]]:
    """Return what each channel has taken and not yet paid to our bank when the month ends."""
    channel = func.split_part(_E.account_code, ":", 2)
    left = _side(Side.DEBIT) - _side(Side.CREDIT)
    statement = (
        select(channel, left)
        .join(ledger_transactions, _T.id == _E.transaction_id)
        .where(_E.account_code.like("channel\\_receivable:%"), func.split_part(_E.account_code, ":", 3) == account.id)
        .where(_E.layer == Layer.POSTED.value, month.ends_with())
        .group_by(channel)
        .having(left != 0)
        .order_by(channel)
    )
    with _reading(pay, month) as tx:
        return [(name, int(minor)) for name, minor in tx.connection.execute(statement)]


def body_statement(pay: Pay, account: Account, month: Month) -> Statement:
    """Return what is owed to the account's body, over all its accounts, day by day."""
    code = f"beneficiary_payable:{account.organisation_id}"
    ours = (_E.account_code == code) & (_E.currency == account.currency) & (_E.layer == Layer.POSTED.value)
    before = select(_side(Side.CREDIT) - _side(Side.DEBIT)).join(ledger_transactions, _T.id == _E.transaction_id)
    day = _local_day(month)
    by_day = (
        select(day, _side(Side.CREDIT), _side(Side.DEBIT))
        .join(ledger_transactions, _T.id == _E.transaction_id)
        .where(ours, month.holds())
        .group_by(day)
        .order_by(day)
    )
    with _reading(pay, month) as tx:
        opening = int(tx.connection.execute(before.where(ours, month.follows())).scalar_one())
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
        .where(p.id.is_not(None) | o.id.is_not(None), _E.layer == Layer.POSTED.value, month.holds())
        .order_by(_T.id, _E.id)
        .limit(ENTRIES_MAX)
    )
    with _reading(pay, month) as tx:
        for at, number, source, code, side, amount, currency, object_id, reference in tx.connection.execute(statement):
            debit, credit = (amount, 0) if side == Side.DEBIT.value else (0, amount)
            yield BookEntry(at, number, source, code, debit, credit, currency, object_id, reference)


def month_suspense(pay: Pay, account: Account, month: Month) -> list[SuspenseItem]:
    """Return the money that matched nothing in a month, or still matched nothing when it began, oldest first."""
    c = suspense_items.c
    statement = select(suspense_items).where(c.account_id == account.id, c.created_at < month.ends)
    open_then = or_(c.closed_at.is_(None), c.closed_at >= month.begins)
    with _reading(pay, month) as tx:
        rows = tx.connection.execute(statement.where(open_then).order_by(c.created_at, c.id).limit(ENTRIES_MAX))
        return [item_of(row) for row in rows]


def month_payouts(pay: Pay, account: Account, month: Month) -> list[Payout]:
    """Return the pay-outs that were ordered in a month, oldest first."""
    c = payouts.c
    statement = select(payouts).where(c.account_id == account.id, c.created_at >= month.begins, c.created_at < month.ends)
    with _reading(pay, month) as tx:
        rows = tx.connection.execute(statement.order_by(c.created_at, c.id).limit(ENTRIES_MAX))
        return [payout_of(row, pay.cipher) for row in rows]
