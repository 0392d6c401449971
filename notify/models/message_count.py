"""How many messages there were, without a trace of to whom: what stays when a day's messages go."""

import uuid
from collections.abc import Collection
from datetime import date

from sqlalchemy import ARRAY, BigInteger, Connection, String, Uuid, bindparam, text
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


_COUNTING = """
kept AS (
INSERT INTO message_counts (service_id, day, channel, key_kind, template_id, status, rate_multiplier, postage, messages, billable_units)
SELECT service_id, CAST(created_at AT TIME ZONE 'UTC' AS date), channel, key_kind, template_id, status, rate_multiplier,
    COALESCE(postage, ''), count(*), COALESCE(sum(billable_units), 0)
FROM {source}
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ON CONFLICT (service_id, day, channel, key_kind, template_id, status, rate_multiplier, postage) DO UPDATE SET
    messages = message_counts.messages + excluded.messages, billable_units = message_counts.billable_units + excluded.billable_units
) SELECT count(*) FROM {source}
"""
_COUNT = text("WITH" + _COUNTING.format(source="notifications WHERE id < :bound"))
_GONE = "WITH gone AS (DELETE FROM notifications WHERE id = ANY(:ids) AND id >= :lower AND id < :upper RETURNING *),"
_DELETE = text(_GONE + _COUNTING.format(source="gone")).bindparams(bindparam("ids", type_=ARRAY(Uuid)))


def count_before(connection: Connection, before: date) -> int:
    """Count messages that were made before a day, and return how many; they must go in the same transaction."""
    return int(connection.execute(_COUNT, {"bound": first_id(before)}).scalar_one())


def delete_counted(connection: Connection, ids: Collection[uuid.UUID], *, lower: uuid.UUID, upper: uuid.UUID) -> int:
    """Delete messages whose ids lie between two bounds, each counted as it goes: one that another run deleted meanwhile is not again.

    Return how many.
    """
    return int(connection.execute(_DELETE, {"ids": list(ids), "lower": lower, "upper": upper}).scalar_one())
