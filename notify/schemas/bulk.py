"""Bodies of bulk jobs, and how jobs are shown; ours, beside the contract."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from notify.errors import MessageNotValid
from notify.operations.bulk import BulkBody, BulkShown
from notify.schemas.queries import unexpected
from notify.schemas.wire import not_of_type
from notify.standards.csv_rows import InvalidSheet, Sheet, read_csv, sheet
from notify.standards.wire_time import wire_time

SCHEDULE_MAX = timedelta(days=7)
NAME_MAX = 255
_KNOWN = frozenset({"template_id", "name", "rows", "csv", "sender_id", "scheduled_for"})


def read_bulk(body: object, now: datetime) -> BulkBody:
    """Read a JSON body with `rows` (lists of cells, the first with the names, or objects) or `csv`.  Raises: MessageNotValid."""
    if not isinstance(body, dict):
        raise MessageNotValid(not_of_type(body, "object"))
    if extra := sorted(set(body) - _KNOWN):
        raise MessageNotValid(unexpected(extra))
    rows, text = body.get("rows"), body.get("csv")
    if (rows is None) == (text is None):
        raise MessageNotValid("rows or csv is a required property, and not both")
    if text is not None and not isinstance(text, str):
        raise MessageNotValid(f"csv {not_of_type(text, 'string')}")
    try:
        read = read_csv(text.encode("utf-8", "replace")) if text is not None else _sheet(rows)
    except InvalidSheet as fault:
        raise MessageNotValid(f"{'rows' if text is None else 'csv'} {fault}") from None
    return _body(body, read, now)


def read_bulk_file(raw: bytes, arguments: Mapping[str, str], now: datetime) -> BulkBody:
    """Read a CSV file as it is, with the rest in the query.  Raises: MessageNotValid."""
    try:
        return _body(arguments, read_csv(raw), now)
    except InvalidSheet as fault:
        raise MessageNotValid(f"csv {fault}") from None


def _body(given: Mapping[str, Any], read: Sheet, now: datetime) -> BulkBody:
    if given.get("template_id") is None:
        raise MessageNotValid("template_id is a required property")
    name = given.get("name") or ""
    if not isinstance(name, str) or len(name) > NAME_MAX:
        raise MessageNotValid(f"name must be a string of at most {NAME_MAX} characters")
    return BulkBody(
        template_id=_uuid(given["template_id"], "template_id"),
        sheet=read,
        name=name.replace("\x00", ""),
        sender_id=None if given.get("sender_id") is None else _uuid(given["sender_id"], "sender_id"),
        scheduled_for=_moment(given.get("scheduled_for"), now),
    )


def _sheet(rows: object) -> Sheet:
    if not isinstance(rows, list):
        raise MessageNotValid(f"rows {not_of_type(rows, 'array')}")
    if rows and all(isinstance(row, dict) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row))
        return sheet([names, *([row.get(name) for name in names] for row in rows)])
    if not all(isinstance(row, list) for row in rows):
        raise MessageNotValid("rows must be lists, or objects, and not both")
    return sheet(rows)


def _uuid(value: object, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(str(value))
    except ValueError:
        raise MessageNotValid(f"{name} is not a valid UUID") from None


def _moment(value: object, now: datetime) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(str(value))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MessageNotValid("scheduled_for datetime format is invalid") from None
    if at < now:
        raise MessageNotValid("scheduled_for Date cannot be in the past")
    if at > now + SCHEDULE_MAX:
        raise MessageNotValid("scheduled_for Date cannot be more than 7 days in the future")
    return at


def show_bulk(job: BulkShown) -> dict[str, object]:
    """Give one job."""
    return {
        "id": str(job.id),
        "name": job.name,
        "type": job.channel,
        "template": {"id": str(job.template_id), "version": job.template_version},
        "status": job.state.value,
        "total": job.total,
        "processed": job.messages + job.failed + job.reminders,
        "messages": job.messages,
        "failed": job.failed,
        "reminders": job.reminders,
        "reminders_waiting": job.reminders_waiting,
        "statuses": job.statuses,
        "scheduled_for": wire_time(job.scheduled_for),
        "created_at": wire_time(job.created_at),
        "updated_at": wire_time(job.updated_at),
    }
