"""Disputes: told by a provider, read by services.  Spec: pay-api.md §11, pay-design.md §3."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, insert, select, update

from pay.context import Merchant, Pay
from pay.errors import ResourceNotFound
from pay.events import DisputeEvent
from pay.models.account import get_account
from pay.models.dispute import Dispute, dispute_of, disputes, find_dispute
from pay.models.ledger import post
from pay.operations.calls import require
from pay.operations.moves import SYSTEM
from pay.operations.refunds import shares_left
from pay.standards import ledger, ledger_movements
from pay.standards.dispute_states import DISPUTE_TABLE, DisputeState
from pay.standards.identifiers import ALPHABET, LENGTH, DisputeId, PaymentId
from shared.transaction import Transaction


@dataclass(frozen=True)
class DisputeNews:
    """What a provider tells of a dispute, at its opening or later."""

    gateway: str
    provider_id: str
    payment_id: PaymentId
    state: DisputeState
    amount_minor: int
    reason: str
    fee_minor: int = 0
    evidence_due_at: datetime | None = None


@dataclass(frozen=True)
class DisputeQuery:
    """What to look for; absent filters are None."""

    from_date: datetime | None
    to_date: datetime | None
    from_settled: date | None
    to_settled: date | None
    status: str | None
    page: int
    display_size: int


def take_news(pay: Pay, news: DisputeNews) -> Dispute:
    """Write down what a provider tells; told again, or late, it changes nothing.  Raises: LookupError for an unknown payment."""
    with pay.transaction() as tx:
        return take_in(pay, tx, news, actor=SYSTEM)


def take_in(pay: Pay, tx: Transaction, news: DisputeNews, *, actor: str, is_checked: bool = False) -> Dispute:
    """Do the same within a transaction.  Raises: WrongState, where `is_checked`, for what does not follow on what is known."""
    payment = require(pay, tx, news.payment_id)
    known = find_dispute(tx.connection, news.gateway, news.provider_id, lock=True)
    if known is None:
        known = open_dispute(pay, tx, payment.account_id, news, actor=actor)
    if not is_checked and (known.state is news.state or not DISPUTE_TABLE.allows(known.state, news.state)):
        return known
    action = DISPUTE_TABLE.check(known.state, news.state)
    now = pay.clock.now()
    values = {"state": news.state.value, "fee_minor": max(known.fee_minor, news.fee_minor), "updated_at": now}
    moved = update(disputes).where(disputes.c.id == known.id).values(values).returning(*disputes.c)
    known = dispute_of(tx.connection.execute(moved).one())
    tx.record(action, actor=actor, object_id=known.id, channel=_channel(actor), data={"payment_id": payment.id})
    book = get_account(tx.connection, payment.account_id).book
    if news.state is DisputeState.LOST:
        lost = ledger.split_loss(shares_left(pay, tx, payment, book.beneficiary), known.amount_minor, book.beneficiary)
        post(tx.connection, ledger_movements.dispute_lost(book, payment.id, known.id, lost), now)
    elif news.state is DisputeState.WON:
        post(tx.connection, ledger_movements.dispute_won(book, payment.id, known.id, known.amount_minor), now)
    return known


def _channel(actor: str) -> str:
    return "job" if actor == SYSTEM else "console"


def open_dispute(pay: Pay, tx: Transaction, account_id: str, news: DisputeNews, *, actor: str) -> Dispute:
    """Write a dispute down, and hold its amount; the payment's row is locked."""
    now = pay.clock.now()
    row = {
        "id": DisputeId(pay.ids.pick(ALPHABET, LENGTH)),
        "payment_id": news.payment_id,
        "account_id": account_id,
        "gateway": news.gateway,
        "provider_id": news.provider_id,
        "state": DisputeState.NEEDS_RESPONSE.value,
        "amount_minor": news.amount_minor,
        "fee_minor": news.fee_minor,
        "reason": news.reason,
        "evidence_due_at": news.evidence_due_at,
        "created_at": now,
        "updated_at": now,
    }
    opened = dispute_of(tx.connection.execute(insert(disputes).values(row).returning(*disputes.c)).one())
    facts: dict[str, str | int | bool | list[str]] = {"payment_id": news.payment_id, "amount_minor": news.amount_minor}
    tx.record(DisputeEvent.OPENED, actor=actor, object_id=opened.id, channel=_channel(actor), data=facts)
    book = get_account(tx.connection, opened.account_id).book
    post(tx.connection, ledger_movements.dispute_opened(book, news.payment_id, opened.id, news.amount_minor), now)
    return opened


def search_disputes(pay: Pay, merchant: Merchant, query: DisputeQuery) -> tuple[int, list[Dispute]]:
    """Return how many there are and one page of them, newest first.  Raises: ResourceNotFound for a page past the end."""
    c = disputes.c
    condition: list[ColumnElement[bool]] = [c.account_id == merchant.account.id]
    if query.status is not None:
        condition.append(c.state == query.status)
    if query.from_date is not None:
        condition.append(c.created_at >= query.from_date)
    if query.to_date is not None:
        condition.append(c.created_at < query.to_date)
    if query.from_settled is not None:
        condition.append(c.settled_on >= query.from_settled)
    if query.to_settled is not None:
        condition.append(c.settled_on <= query.to_settled)
    with pay.reading() as tx:
        total = tx.connection.execute(select(func.count()).select_from(disputes).where(*condition)).scalar_one()
        statement = select(disputes).where(*condition).order_by(c.created_at.desc(), c.id.desc())
        page = statement.limit(query.display_size).offset((query.page - 1) * query.display_size)
        found = [dispute_of(row) for row in tx.connection.execute(page)]
    if not found and query.page > 1:
        raise ResourceNotFound("P0402", "Page not found")
    return total, found
