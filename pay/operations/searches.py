"""Search payments of an account, newest first.  Spec: pay-api.md §10."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from pay.context import Merchant, Pay
from pay.errors import ResourceNotFound
from pay.models.payment import payment_of, payments
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PUBLIC

DISPLAY_SIZE_MAX = 500


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
    page: int = 1
    display_size: int = DISPLAY_SIZE_MAX


@dataclass(frozen=True)
class Found:
    """One page of results and how many there are in all."""

    total: int
    payments: list[Payment]


def _filters(query: Query) -> list[ColumnElement[bool]]:
    c = payments.c
    filters: list[ColumnElement[bool]] = []
    if query.reference is not None:
        filters.append(func.lower(c.reference) == query.reference.lower())
    if query.status is not None:
        filters.append(c.state.in_([state.value for state, public in PUBLIC.items() if public.status == query.status]))
    for column, value in ((c.card_brand, query.card_brand), (c.first_digits, query.first_digits), (c.last_digits, query.last_digits)):
        if value is not None:
            filters.append(column == value)
    if query.from_date is not None:
        filters.append(c.created_at >= query.from_date)
    if query.to_date is not None:
        filters.append(c.created_at < query.to_date)
    return filters


def search_payments(pay: Pay, merchant: Merchant, query: Query) -> Found:
    """Return one page.  Raises: ResourceNotFound for a page past the end; an empty first page is found."""
    condition = [payments.c.account_id == merchant.account.id, *_filters(query)]
    with pay.reading() as tx:
        total = tx.connection.execute(select(func.count()).select_from(payments).where(*condition)).scalar_one()
        statement = select(payments).where(*condition).order_by(payments.c.created_at.desc(), payments.c.id.desc())
        page = statement.limit(query.display_size).offset((query.page - 1) * query.display_size)
        found = [payment_of(row, pay.cipher) for row in tx.connection.execute(page)]
    if not found and query.page > 1:
        raise ResourceNotFound("P0402", "Page not found")
    return Found(total, found)
