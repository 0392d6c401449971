"""What a service sent and what it cost, counted without personal data.  Spec: requirements NO-9; notify-api §5.1."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func, select

from notify.context import Notify
from notify.models.notification import Notification
from notify.operations.prices import letter_cost, sms_cost
from notify.standards.statuses import NEVER_PRINTED, Channel, Status

DAYS = 7
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


def usage_of(notify: Notify, service_id: uuid.UUID, *, days: int = DAYS) -> list[Line]:
    """Count each channel over the last days; messages of test keys do not count."""
    table = Notification
    since = notify.clock.now() - timedelta(days=days)
    wanted = (
        select(table.channel, table.status, func.count(), func.coalesce(func.sum(table.billable_units * table.rate_multiplier), 0))
        .where(table.service_id == service_id, table.created_at >= since, table.key_kind != "test")
        .group_by(table.channel, table.status)
    )
    with notify.listing() as tx:
        rows = tx.connection.execute(wanted).all()
    return [
        _line(notify, channel, [(Status(row[1]), row[2], int(row[3] or 0)) for row in rows if row[0] == channel]) for channel in Channel
    ]


def _line(notify: Notify, channel: Channel, counted: list[tuple[Status, int, int]]) -> Line:
    total = sum(number for _, number, _ in counted)
    delivered = sum(number for status, number, _ in counted if status in {Status.DELIVERED, Status.SENT})
    failed = sum(number for status, number, _ in counted if status in FAILED)
    paid = [(number, units) for status, number, units in counted if status not in NEVER_PRINTED]
    letters, units = sum(number for number, _ in paid), sum(units for _, units in paid)
    cost: Decimal | None = Decimal(0)
    if channel is Channel.SMS:
        cost = sms_cost(notify.settings, units)
    elif channel is Channel.LETTER:
        cost = letter_cost(notify.settings, letters, units)
    return Line(
        channel, total, delivered, failed, total - delivered - failed, units if channel in {Channel.SMS, Channel.LETTER} else 0, cost
    )
