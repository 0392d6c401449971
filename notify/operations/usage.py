"""What a service sent and what it cost, counted without personal data.  Spec: requirements NO-9; notify-api §5.1."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select, text

from notify.context import Notify
from notify.models.price import PriceList
from notify.models.service import Service
from notify.operations.prices import letter_cost, price_list, sms_cost
from notify.standards.statuses import NEVER_PRINTED, Channel, Status

DAYS = 7
TEMPLATES_MAX = 100
FAILED = frozenset(
    {Status.TECHNICAL_FAILURE, Status.TEMPORARY_FAILURE, Status.PERMANENT_FAILURE, Status.VALIDATION_FAILED, Status.RETURNED_LETTER}
)


@dataclass(frozen=True)
class Line:
    """One channel: how many messages, of which delivered, failed and still under way; units (fragments, sheets) and their price.

    `cost` is None where no price is set.
    """

    channel: str
    messages: int = 0
    delivered: int = 0
    failed: int = 0
    under_way: int = 0
    units: int = 0
    cost: Decimal | None = Decimal(0)

    @property
    def failed_percent(self) -> int:
        """Failures among what has an outcome."""
        ended = self.delivered + self.failed
        return round(100 * self.failed / ended) if ended else 0


_LATELY = text("""
SELECT channel, status, width_bucket(CAST(created_at AT TIME ZONE 'UTC' AS date), CAST(:changes AS date[])) AS period,
    count(*) AS messages, CAST(coalesce(sum(billable_units * rate_multiplier), 0) AS bigint) AS units
FROM notifications WHERE service_id = :service AND key_kind <> 'test' AND created_at >= :since GROUP BY 1, 2, 3
""")
"""`period` is how many changes of prices lie behind: within one all prices are the same."""


def usage_of(notify: Notify, service_id: uuid.UUID, *, days: int = DAYS) -> list[Line]:
    """Count each channel over the last days; messages of test keys do not count."""
    prices, since = price_list(notify), notify.clock.now() - timedelta(days=days)
    with notify.listing() as tx:
        rows = tx.connection.execute(_LATELY, {"service": service_id, "since": since, "changes": prices.changes}).all()
    return [_line(prices, channel, [row for row in rows if row.channel == channel]) for channel in Channel]


@dataclass(frozen=True)
class Month:
    """A month of a year (UTC), by channel; channels without messages are left out."""

    number: int
    lines: list[Line]


@dataclass(frozen=True)
class OfTemplate:
    """How many messages a template made."""

    template_id: uuid.UUID
    channel: str
    messages: int


@dataclass(frozen=True)
class Year:
    """What a service sent in a year: months, the newest first, and templates, the most used first."""

    year: int
    first: int
    months: list[Month]
    templates: list[OfTemplate]

    @property
    def cost(self) -> Decimal | None:
        """What all of it cost, None where some of it has no price."""
        costs = [line.cost for month in self.months for line in month.lines]
        return None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))


_YEAR = text("""
WITH counted AS (
    SELECT CAST(extract(month FROM day) AS int) AS month, width_bucket(day, CAST(:changes AS date[])) AS period,
        channel, template_id, status, messages, billable_units * rate_multiplier AS units
    FROM message_counts WHERE service_id = :service AND key_kind <> 'test' AND day >= :since AND day < :until
    UNION ALL
    SELECT CAST(extract(month FROM created_at AT TIME ZONE 'UTC') AS int),
        width_bucket(CAST(created_at AT TIME ZONE 'UTC' AS date), CAST(:changes AS date[])), channel, template_id, status, count(*),
        coalesce(sum(billable_units * rate_multiplier), 0)
    FROM notifications WHERE service_id = :service AND key_kind <> 'test'
        AND created_at >= CAST(:since AS timestamp) AT TIME ZONE 'UTC' AND created_at < CAST(:until AS timestamp) AT TIME ZONE 'UTC'
    GROUP BY 1, 2, 3, 4, 5
)
SELECT month, period, channel, template_id, status, CAST(sum(messages) AS bigint) AS messages, CAST(sum(units) AS bigint) AS units
FROM counted GROUP BY 1, 2, 3, 4, 5
""")
"""Messages are counted when they are deleted, in the same transaction: what is kept and what was counted is each message once."""


def usage_of_year(notify: Notify, service_id: uuid.UUID, year: int) -> Year:
    """Count a year (UTC); messages of test keys do not count."""
    prices = price_list(notify)
    bounds = {"service": service_id, "since": date(year, 1, 1), "until": date(year + 1, 1, 1), "changes": prices.changes}
    with notify.listing() as tx:
        rows = tx.connection.execute(_YEAR, bounds).all()
        first = tx.connection.execute(select(Service.created_at).where(Service.id == service_id)).scalar_one()
    months = [
        _month(prices, number, [row for row in rows if row.month == number]) for number in sorted({row.month for row in rows}, reverse=True)
    ]
    used: Counter[tuple[uuid.UUID, str]] = Counter()
    for row in rows:
        used[row.template_id, row.channel] += row.messages
    return Year(year, first.year, months, [OfTemplate(*key, number) for key, number in used.most_common(TEMPLATES_MAX)])


def _month(prices: PriceList, number: int, rows: Sequence[Row[Any]]) -> Month:
    by_channel = ((channel, [row for row in rows if row.channel == channel]) for channel in Channel)
    return Month(number, [_line(prices, channel, counted) for channel, counted in by_channel if counted])


def _line(prices: PriceList, channel: Channel, counted: Sequence[Row[Any]]) -> Line:
    total = sum(row.messages for row in counted)
    delivered = sum(row.messages for row in counted if row.status in {Status.DELIVERED, Status.SENT})
    failed = sum(row.messages for row in counted if row.status in FAILED)
    paid = [row for row in counted if row.status not in NEVER_PRINTED]
    units = sum(row.units for row in paid) if channel in {Channel.SMS, Channel.LETTER} else 0
    return Line(channel, total, delivered, failed, total - delivered - failed, units, _cost(prices, channel, paid))


def _cost(prices: PriceList, channel: Channel, paid: Sequence[Row[Any]]) -> Decimal | None:
    """Add up what was paid, each period at its own prices; None where one of them has no price."""
    if channel not in {Channel.SMS, Channel.LETTER}:
        return Decimal(0)
    total, begins = Decimal(0), [date.min, *prices.changes]
    for period, day in enumerate(begins):
        rows = [row for row in paid if row.period == period]
        messages, units = sum(row.messages for row in rows), sum(row.units for row in rows)
        cost = sms_cost(prices, day, units) if channel is Channel.SMS else letter_cost(prices, day, messages, units)
        if cost is None:
            return None
        total += cost
    return total
