"""How many messages there were, without a trace of to whom: what stays when a day's messages go."""

import uuid
from collections.abc import Sequence
from datetime import date

from sqlalchemy import BigInteger, Connection, String, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base
from notify.models.days import first_id


class MessageCount(Base):
    """Messages of one service, day (UTC), channel, key type, template, last status and price class."""

    __tablename__ = "message_counts"

    service_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    key_kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    template_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(30), primary_key=True)
    rate_multiplier: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    postage: Mapped[str] = mapped_column(String(20), primary_key=True)
    messages: Mapped[int]
    billable_units: Mapped[int] = mapped_column(BigInteger)


_COUNT = text("""
INSERT INTO message_counts (service_id, day, channel, key_kind, template_id, status, rate_multiplier, postage, messages, billable_units)
SELECT service_id, CAST(created_at AT TIME ZONE 'UTC' AS date), channel, key_kind, template_id, status, rate_multiplier,
    COALESCE(postage, ''), count(*), COALESCE(sum(billable_units), 0)
FROM notifications WHERE id < :bound AND (CAST(:service AS uuid) IS NULL OR service_id = :service AND channel = ANY(:channels))
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ON CONFLICT (service_id, day, channel, key_kind, template_id, status, rate_multiplier, postage) DO UPDATE SET
    messages = message_counts.messages + excluded.messages, billable_units = message_counts.billable_units + excluded.billable_units
""")


def count_before(connection: Connection, before: date, service_id: uuid.UUID | None = None, channels: Sequence[str] = ()) -> None:
    """Count messages that were made before a day, all or those of one service's channels; they must go in the same transaction."""
    connection.execute(_COUNT, {"bound": first_id(before), "service": service_id, "channels": list(channels)})
