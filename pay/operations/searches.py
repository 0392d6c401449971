"""Search payments and refunds of an account, newest first.  Spec: pay-api.md §10."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

import structlog
from redis import RedisError
from sqlalchemy import Column, ColumnElement, Select, func, literal, select, tuple_

from pay.context import Merchant, Pay
from pay.errors import ResourceNotFound
from pay.models.payment import GRAM_MAX, needle_grams, payment_of, payments
from pay.models.refund import Refund, refund_of, refunds
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PUBLIC
from shared.transaction import Transaction

DISPLAY_SIZE_MAX = 500
COUNTED_MAX = 10_000
"""Up to so many results the total is counted at each search."""
READ_MAX = 500
"""Up to so many payments are read to see whether their payer is the one looked for."""
CHUNK = 500
TOTAL_KEPT_SECONDS = 300
log = structlog.get_logger("andamio.pay.searches")


@dataclass(frozen=True)
class Query:
    """What to look for; absent filters are None."""

    reference: str | None = None
    status: str | None = None
    card_brand: str | None = None
    """The label, not the code."""
    first_digits: str | None = None
    last_digits: str | None = None
    from_date: datetime | None = None
    to_date: datetime | None = None
    from_settled: date | None = None
    to_settled: date | None = None
    agreement_id: str | None = None
    email: str | None = field(default=None, repr=False)
    cardholder_name: str | None = field(default=None, repr=False)
    """Parts of the address and of the name, whatever their case."""
    metadata: tuple[tuple[str, str], ...] = ()
    page: int = 1
    display_size: int = DISPLAY_SIZE_MAX


@dataclass(frozen=True)
class Found:
    """One page of results and how many there are in all."""

    total: int
    payments: list[Payment]


@dataclass(frozen=True)
class FoundRefunds:
    """One page of refunds and how many there are in all."""

    total: int
    refunds: list[Refund]


def _filters(pay: Pay, query: Query) -> list[ColumnElement[bool]]:
    c = payments.c
    filters: list[ColumnElement[bool]] = []
    if query.reference is not None:
        filters.append(func.lower(c.reference) == query.reference.lower())
    if query.status is not None:
        filters.append(c.state.in_([state.value for state, public in PUBLIC.items() if public.status == query.status]))
    equal = ((c.card_brand, query.card_brand), (c.first_digits, query.first_digits), (c.last_digits, query.last_digits))
    filters += [column == value for column, value in (*equal, (c.agreement_id, query.agreement_id)) if value is not None]
    for part, purpose in ((query.email, "email"), (query.cardholder_name, "name")):
        if part is not None:
            filters.append(c.payer_grams.contains(needle_grams(pay.cipher, part, purpose)))
    filters += [c.metadata[key].as_string() == value for key, value in query.metadata]
    filters += _between(c.created_at, query.from_date, query.to_date)
    return filters + _settled(c.settled_on, query.from_settled, query.to_settled)


def _between(column: Column[datetime], since: datetime | None, before: datetime | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found.append(column >= since)
    if before is not None:
        found.append(column < before)
    return found


def _settled(column: Column[date], first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    """Both days count.  Spec: §10."""
    found: list[ColumnElement[bool]] = []
    if first is not None:
        found.append(column >= first)
    if last is not None:
        found.append(column <= last)
    return found


def search_payments(pay: Pay, merchant: Merchant, query: Query) -> Found:
    """Return one page.  Raises: ResourceNotFound for a page past the end; an empty first page is found.

    A total over `COUNTED_MAX` may be `TOTAL_KEPT_SECONDS` old.  Where more than `READ_MAX` payments may be of the payer who is looked for,
    it counts those that have all short strings of the part of the name or address.
    """
    condition = [payments.c.account_id == merchant.account.id, *_filters(pay, query)]
    first = (query.page - 1) * query.display_size
    with pay.listing() as tx:
        if _is_longer_than_a_gram(query):
            total, found = _read_through(pay, tx, merchant, query, condition)
        else:
            page = _newest(condition).limit(query.display_size).offset(first)
            found = [payment_of(row, pay.cipher) for row in tx.connection.execute(page).mappings()]
            total = _total(pay, tx, merchant, query, condition)
    if not found and query.page > 1:
        raise ResourceNotFound("P0402", "Page not found")
    return Found(max(total, first + len(found) if found else 0), found)


def _newest(condition: list[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    return select(payments).where(*condition).order_by(payments.c.created_at.desc(), payments.c.id.desc())


def _read_through(
    pay: Pay, tx: Transaction, merchant: Merchant, query: Query, condition: list[ColumnElement[bool]]
) -> tuple[int, list[Payment]]:
    """Read what may be meant, newest first and a part at a time, until the page is full and the total known."""
    first, last = (query.page - 1) * query.display_size, query.page * query.display_size
    matched, found = 0, []
    for read, payment in enumerate(_candidates(pay, tx, condition), 1):
        if _holds(payment, query):
            if first <= matched < last:
                found.append(payment)
            matched += 1
        if read >= READ_MAX and matched >= last:
            return max(matched, _total(pay, tx, merchant, query, condition)), found
    return matched, found


def _candidates(pay: Pay, tx: Transaction, condition: list[ColumnElement[bool]]) -> Iterator[Payment]:
    c, place = payments.c, list[ColumnElement[bool]]()
    while True:
        chunk = [payment_of(row, pay.cipher) for row in tx.connection.execute(_newest([*condition, *place]).limit(CHUNK)).mappings()]
        yield from chunk
        if len(chunk) < CHUNK:
            return
        place = [tuple_(c.created_at, c.id) < tuple_(literal(chunk[-1].created_at, c.created_at.type), literal(chunk[-1].id))]


def _total(pay: Pay, tx: Transaction, merchant: Merchant, query: Query, condition: list[ColumnElement[bool]]) -> int:
    """Count; many are counted once in a while, for they cannot be counted in the time that a page takes."""
    some = select(literal(1)).select_from(payments).where(*condition).limit(COUNTED_MAX + 1).subquery()
    few: int = tx.connection.execute(select(func.count()).select_from(some)).scalar_one()
    if few <= COUNTED_MAX:
        return few
    asked = json.dumps(asdict(replace(query, page=1, display_size=1)), default=str)
    key = f"pay:total:{merchant.account.id}:" + hashlib.blake2b(asked.encode(), key=pay.key_secret[:64]).hexdigest()
    try:
        kept = pay.redis.get(key)
    except RedisError:
        kept = None
    if kept is not None:
        return int(str(kept, "ascii") if isinstance(kept, bytes) else str(kept))
    total: int = tx.connection.execute(select(func.count()).select_from(payments).where(*condition)).scalar_one()
    try:
        pay.redis.set(key, total, ex=TOTAL_KEPT_SECONDS)
    except RedisError:
        log.warning("a total cannot be kept")
    return total


def _is_longer_than_a_gram(query: Query) -> bool:
    """True where a text may have all the short strings of the part looked for, and not the part: what is found is then read."""
    return any(part is not None and len(part) > GRAM_MAX for part in (query.email, query.cardholder_name))


def _holds(payment: Payment, query: Query) -> bool:
    parts = ((query.email, payment.payer.email), (query.cardholder_name, payment.payer.cardholder_name))
    return all(part is None or part.casefold() in text.casefold() for part, text in parts)


def search_refunds(pay: Pay, merchant: Merchant, query: Query) -> FoundRefunds:
    """Return one page of refunds.  Raises: ResourceNotFound for a page past the end."""
    condition = [
        payments.c.account_id == merchant.account.id,
        *_between(refunds.c.created_at, query.from_date, query.to_date),
        *_settled(refunds.c.settled_on, query.from_settled, query.to_settled),
    ]
    both = refunds.join(payments, payments.c.id == refunds.c.payment_id)
    with pay.listing() as tx:
        total = tx.connection.execute(select(func.count()).select_from(both).where(*condition)).scalar_one()
        newest = select(refunds).select_from(both).where(*condition).order_by(refunds.c.created_at.desc(), refunds.c.id.desc())
        page = newest.limit(query.display_size).offset((query.page - 1) * query.display_size)
        found = [refund_of(row) for row in tx.connection.execute(page)]
    if not found and query.page > 1:
        raise ResourceNotFound("P1100", "Page not found")
    return FoundRefunds(total, found)
