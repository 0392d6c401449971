"""A person's mailbox: messages of all services, with whether they were read."""

import contextlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, tuple_, update

from notify.context import Notify
from notify.events import Event
from notify.models.base import scope_of
from notify.models.mailbox_message import MailboxMessage
from notify.operations.attachments import read_attachments
from notify.standards.mailbox_address import InvalidMailboxAddress, mailbox_address
from notify.standards.mime import Attachment
from shared.auth import Caller
from shared.problems import NotFound
from shared.web import gettext_noop

MESSAGES_MAX = 250
NO_MESSAGE = gettext_noop("There is no such message.")


@dataclass(frozen=True)
class MailboxItemRead:
    """One message as the person sees it."""

    id: uuid.UUID
    sender: str = field(repr=False)
    subject: str = field(repr=False)
    body: str = field(repr=False)
    created_at: datetime
    read_at: datetime | None
    content_sha256: str = ""
    placed_entry: uuid.UUID | None = None
    read_entry: uuid.UUID | None = None
    service_id: uuid.UUID | None = None
    attachments: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class MailboxPage:
    """Messages, newest first; `next_older_than` is the message that the next page starts after, None where there are no more."""

    items: list[MailboxItemRead]
    next_older_than: uuid.UUID | None


def list_mailbox(notify: Notify, caller: Caller, older_than: uuid.UUID | None = None, *, size: int = MESSAGES_MAX) -> MailboxPage:
    """Give a page of the messages addressed to the person a token speaks for; equal times are ordered by id, so none is passed over.

    Raises: NotFound for a page after a message that is not the person's.
    """
    table = MailboxMessage
    own = table.person_index.in_(indexes(notify, caller))
    wanted = select(table.__table__).where(own).order_by(table.created_at.desc(), table.notification_id.desc()).limit(size + 1)
    with notify.reading() as tx:
        if older_than is not None:
            edge = select(table.created_at, table.notification_id).where(own, table.notification_id == older_than)
            before = tx.connection.execute(edge).one_or_none()
            if before is None:
                raise NotFound(NO_MESSAGE)
            wanted = wanted.where(tuple_(table.created_at, table.notification_id) < tuple_(*before))
        rows = tx.connection.execute(wanted).all()
    return MailboxPage([_open(notify, row) for row in rows[:size]], rows[size - 1].notification_id if len(rows) > size else None)


def mark_read(notify: Notify, caller: Caller, message_id: uuid.UUID) -> MailboxItemRead:
    """Note the first reading of a person's own message.  Raises: NotFound."""
    table = MailboxMessage
    own = (table.notification_id == message_id) & table.person_index.in_(indexes(notify, caller))
    with notify.transaction() as tx:
        now = notify.clock.now()
        row = tx.connection.execute(select(table.__table__).where(own).with_for_update()).one_or_none()
        if row is None:
            raise NotFound(NO_MESSAGE)
        if row.read_at is None:
            data: dict[str, str | int | bool | list[str]] = {"content_sha256": row.content_sha256}
            actor, subject = f"client:{caller.client_id}", subject_of(caller)
            proof = tx.record(Event.MAILBOX_READ, actor=actor, subject=subject, object_id=str(message_id), data=data)
            changed = update(table).where(own).values(read_at=now, read_entry=proof.entry_id).returning(*table.__table__.c)
            row = tx.connection.execute(changed).one()
    return _open(notify, row)


def get_item(notify: Notify, caller: Caller, message_id: uuid.UUID) -> MailboxItemRead:
    """Give a person's own message without marking it.  Raises: NotFound."""
    table = MailboxMessage
    own = (table.notification_id == message_id) & table.person_index.in_(indexes(notify, caller))
    with notify.reading() as tx:
        row = tx.connection.execute(select(table.__table__).where(own)).one_or_none()
    if row is None:
        raise NotFound(NO_MESSAGE)
    return _open(notify, row)


def get_file(notify: Notify, caller: Caller, message_id: uuid.UUID, position: int) -> Attachment:
    """Give a file of a person's own message that was opened, by its place from 0.  Raises: NotFound."""
    item = get_item(notify, caller, message_id)
    files = read_attachments(notify, item.service_id, item.id) if item.service_id and item.read_at else ()
    if not 0 <= position < len(files):
        raise NotFound("There is no such file, or its message was not opened.")
    return files[position]


def service_item(notify: Notify, service_id: uuid.UUID, message_id: uuid.UUID) -> MailboxItemRead | None:
    """Give a service's own mailbox message, for its proof; None where there is none."""
    table = MailboxMessage
    own = (table.notification_id == message_id) & (table.service_id == service_id)
    with notify.reading() as tx:
        row = tx.connection.execute(select(table.__table__).where(own)).one_or_none()
    return _open(notify, row) if row else None


def subject_of(caller: Caller) -> str:
    """Give whom a caller speaks for, as logs name people: `cl-run:` for a RUN that the portal says, else `pairwise:`."""
    scheme, _, value = caller.subject.rpartition(":")
    return f"cl-run:{value}" if scheme == "run" else f"pairwise:{value}"


def indexes(notify: Notify, caller: Caller) -> list[bytes]:
    """Give the blind indexes of the names this person is known by: the pairwise subject, and the RUN where the token says it."""
    names = [f"pairwise:{caller.subject}"]
    with contextlib.suppress(InvalidMailboxAddress):
        names.append(mailbox_address(str(caller.claims.get("run", ""))))
    return [notify.catalogue.index(name) for name in names]


def _open(notify: Notify, row: Row[Any]) -> MailboxItemRead:
    sealed = json.loads(notify.cipher.decrypt(row.sealed, scope=scope_of(row.service_id)))
    return MailboxItemRead(
        row.notification_id,
        sealed["from"],
        sealed["subject"],
        sealed["body"],
        row.created_at,
        row.read_at,
        row.content_sha256,
        row.placed_entry,
        row.read_entry,
        row.service_id,
        tuple(sealed.get("files", ())),
    )
