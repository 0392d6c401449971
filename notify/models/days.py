"""A table a day for what is kept for days: ids of version 7 hold the moment they were made, so they are the bounds.

The tables stand in the schema `days`; what is older than the first of them, or newer than the last, in `<name>_rest`.
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, text

TABLES = {"notifications": "id", "letter_files": "notification_id"}
SCHEMA = "days"
AHEAD_DAYS = 7
# Functions of the owner of the tables: the role of a running service may not make or drop any.
_MAKE = text(f"SELECT {SCHEMA}.make_day(:parent, :name, :lower, :upper)")
_DROP = text(f"SELECT {SCHEMA}.drop_day(:name)")


def first_id(day: date) -> uuid.UUID:
    """Give an id that is not after any that is made on a day (UTC)."""
    milliseconds = int(datetime.combine(day, time(), UTC).timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80)


def make_days(connection: Connection, today: date) -> list[date]:
    """Make the tables of the coming days that are missing; give the days that got some.

    A day some of whose rows stand in the rest already gets none: they stay there.
    """
    made = []
    for day in (today + timedelta(days=n) for n in range(AHEAD_DAYS + 1)):
        bounds = {"lower": first_id(day), "upper": first_id(day + timedelta(days=1))}
        missing = [name for name in TABLES if _name(name, day) not in _existing(connection, name)]
        for name in missing:
            if not _in_rest(connection, name, bounds):
                connection.execute(_MAKE, {"parent": name, "name": _name(name, day), **bounds})
                made.append(day)
    return sorted(set(made))


def old_days(connection: Connection, before: date) -> list[date]:
    """Give the days before one that still have tables."""
    stamps = {stored.rpartition("_d")[2] for name in TABLES for stored in _existing(connection, name) if "_d" in stored}
    days = (datetime.strptime(stamp, "%Y%m%d").replace(tzinfo=UTC).date() for stamp in stamps if stamp.isdigit())
    return sorted(day for day in days if day < before)


def drop_day(connection: Connection, day: date) -> None:
    """Drop a day's tables with all that stands in them."""
    for name in TABLES:
        connection.execute(_DROP, {"name": _name(name, day)})


def clear_rest(connection: Connection, before: date) -> int:
    """Delete what is older than a day and stands in no table of its day; give how many notifications."""
    deleted = 0
    for name, key in TABLES.items():
        done = connection.execute(text(f"DELETE FROM {SCHEMA}.{name}_rest WHERE {key} < :bound"), {"bound": first_id(before)})  # noqa: S608 - our own names
        deleted += done.rowcount if name == "notifications" else 0
    return deleted


def _name(table: str, day: date) -> str:
    return f"{table}_d{day:%Y%m%d}"


def _existing(connection: Connection, table: str) -> Iterable[str]:
    query = "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = CAST(:name AS regclass)"
    return set(connection.execute(text(query), {"name": table}).scalars())


def _in_rest(connection: Connection, table: str, bounds: dict[str, uuid.UUID]) -> bool:
    key = TABLES[table]
    query = f"SELECT EXISTS (SELECT FROM {SCHEMA}.{table}_rest WHERE {key} >= :lower AND {key} < :upper)"  # noqa: S608 - our own names
    return bool(connection.execute(text(query), bounds).scalar_one())
