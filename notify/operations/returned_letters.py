"""Letters that came back: the last that is heard of a letter, and the call that tells its service.  Spec: notify-api §10, §18, §20."""

import uuid
from collections.abc import Callable, Collection
from typing import Any

import structlog
from sqlalchemy import Row, select

from notify.context import Notify
from notify.events import Event
from notify.models import messages
from notify.models.bulk import BulkJob
from notify.models.catalogue import find_versions
from notify.models.notification import STATUSES
from notify.operations.callbacks import RETURNED_LETTER, News, enqueue_event
from notify.operations.precompiled import precompiled_template_id
from notify.standards.statuses import Channel, Status
from notify.standards.wire_time import wire_time
from shared.transaction import Transaction

log = structlog.get_logger("andamio.notify.returned")
AT_ONCE_MAX = 1000
_DAY_CHARACTERS = 10


def take_returned(notify: Notify, ids: Collection[uuid.UUID], *, is_theirs: Callable[[str], bool]) -> int:
    """Note that letters came back; one that is unknown, or was noted before, changes nothing.  Give how many were new.

    `is_theirs(printer)`: whether who says it may speak of that printer's letters; of others' it changes nothing and is noted.
    """
    now, new = notify.clock.now(), 0
    with notify.transaction() as tx:
        for row in messages.lock_rows(tx.connection, ids).values():
            status = Status(row.status)
            if row.channel != Channel.LETTER or not STATUSES.allows(status, Status.RETURNED_LETTER):
                log.info("a letter that cannot have come back", notification=str(row.id), present=status)
                continue
            if not is_theirs(row.provider or ""):
                log.warning("a letter of another printer", notification=str(row.id))
                tx.record(Event.RECEIPT_REFUSED, actor="printer", outcome="refused", object_id=str(row.id), channel="receipt")
                continue
            action = STATUSES.check(status, Status.RETURNED_LETTER)
            tx.record(action, actor=f"provider:{row.provider}", object_id=str(row.id), channel="receipt", data={"channel": row.channel})
            messages.apply_many(tx.connection, [{"id": row.id, "status": Status.RETURNED_LETTER.value}], now)
            enqueue_event(notify, tx, News(row.service_id, RETURNED_LETTER, row.id, _told(notify, tx, row)))
            new += 1
    return new


def _told(notify: Notify, tx: Transaction, row: Row[Any]) -> dict[str, object]:
    """Give the body of the call."""
    template = find_versions(tx.connection, [(row.template_id, row.template_version)]).get((row.template_id, row.template_version))
    service = notify.catalogue.find_service(row.service_id)
    key = next((key for key in service.keys if key.id == row.api_key_id), None) if service else None
    file = tx.connection.execute(select(BulkJob.name).where(BulkJob.id == row.bulk_id)).scalar_one_or_none() if row.bulk_id else None
    is_file = row.template_id == precompiled_template_id(row.service_id)
    return {
        "notification_id": str(row.id),
        "reference": row.reference,
        "date_sent": (wire_time(row.sent_at or row.created_at) or "")[:_DAY_CHARACTERS],
        "sent_by": f"API key {key.kind}" if key else "console",
        "template_name": template.name if template else None,
        "template_id": str(row.template_id) if template else None,
        "template_version": row.template_version if template else None,
        "spreadsheet_file_name": file or None,
        "spreadsheet_row_number": row.row_number,
        "upload_letter_file_name": row.reference if is_file else None,
    }
