"""Proof of one message for a court or an authority: what, when, to which address, with what outcome, and the log's own proofs.

The log entries can be checked offline against the log's key (docs/audit.md); who sees the export can trust the rest as far as the service.
Spec: requirements NO-12.
"""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from notify.context import Notify
from notify.events import Event
from notify.models import messages
from notify.operations.authentication import Holder
from notify.operations.notifications import Shown, get_notification
from shared.audit.proofs import ExportedEntry, NotInLog, export_entry
from shared.audit.tables import audit_entries

AROUND = timedelta(seconds=10)


@dataclass(frozen=True)
class MessageProof:
    """One message with its log entries; `complete` is false while some are not yet under a signed checkpoint."""

    shown: Shown
    provider: str | None
    provider_reference: str | None
    content_sha256: str
    entries: list[ExportedEntry]
    complete: bool
    log_key: str
    made_at: datetime


def prove_message(notify: Notify, holder: Holder, notification_id: uuid.UUID, *, actor: str) -> MessageProof:
    """Give the proof of a service's own message, and note that it was given.  Raises: NotificationNotFound."""
    shown = get_notification(notify, holder, notification_id)
    message = shown.message
    with notify.transaction() as tx:
        row = messages.find_row(tx.connection, notification_id)
        moments = [at for at in (message.created_at, message.sent_at, message.updated_at) if at is not None]
        entries, complete = [], True
        for entry_id in _entry_ids(tx.connection, notification_id, moments):
            try:
                entries.append(export_entry(tx.connection, notify.cipher, entry_id))
            except NotInLog:
                complete = False
        tx.record(Event.PROOF_GIVEN, actor=actor, object_id=str(notification_id), data={"entries": len(entries)})
    content = f"{shown.content.subject or ''}\n{shown.content.body}"
    return MessageProof(
        shown=shown,
        provider=row.provider if row and row.sent_at else None,
        provider_reference=row.provider_reference if row else None,
        content_sha256=hashlib.sha256(content.encode()).hexdigest(),
        entries=entries,
        complete=complete,
        log_key=str(notify.audit_signer.verifier),
        made_at=notify.clock.now(),
    )


def _entry_ids(connection: Connection, notification_id: uuid.UUID, moments: Iterable[datetime]) -> list[uuid.UUID]:
    """Find a message's entries by when they were written: ids of entries hold the moment, so each look is a short range of the key."""
    found: dict[uuid.UUID, None] = {}
    for at in sorted(moments):
        first, last = (uuid.UUID(int=int(edge.timestamp() * 1000) << 80) for edge in (at - AROUND, at + AROUND))
        named = audit_entries.c.core.contains(f'"object":"{notification_id}"', autoescape=True)
        own = select(audit_entries.c.entry_id).where(audit_entries.c.entry_id.between(first, last), named)
        found |= dict.fromkeys(connection.execute(own.order_by(audit_entries.c.entry_id)).scalars())
    return list(found)
