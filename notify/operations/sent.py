"""What a service sent, for its staff: lists, search by recipient, one message, the report as a file.

Every look at recipients is an audit row: who looked at which message, or searched, or took the report.  Spec: NO-3; notify-api §20.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from markupsafe import Markup
from sqlalchemy import Connection, Row, Select, select, tuple_, union_all

from notify.context import Notify
from notify.events import Event
from notify.models import messages
from notify.models.catalogue import KnownTemplate, find_template_version, find_versions
from notify.models.messages import Kept, Message
from notify.models.notification import Notification
from notify.models.team import Member
from notify.operations.letters import LetterNotRendered, get_letter_file, letter_pages
from notify.operations.rendering import Content, compose
from notify.operations.retention import kept_of
from notify.operations.services import matched_recipient, rules_of
from notify.standards.csv_rows import csv_line
from notify.standards.email_markdown import to_html
from notify.standards.statuses import Channel, queried
from notify.standards.wire_time import wire_time
from shared.problems import NotFound
from shared.web import gettext_noop

PAGE_SIZE = 50
REPORT_ROWS_MAX = 100_000
REPORT_STEP = 1000
KEY_KINDS = ("normal", "team", "test")
COLUMNS = ("id", "channel", "status", "recipient", "template", "version", "reference", "created_at", "sent_at", "updated_at")


@dataclass(frozen=True)
class Wanted:
    """Which messages are asked for; `recipient` as a person types it, `job` the file that they came from; a page starts after `before`,
    (created_at, id).
    """

    channel: str = ""
    status: str = ""
    recipient: str = ""
    reference: str = ""
    job: uuid.UUID | None = None
    before: tuple[datetime, uuid.UUID] | None = None


@dataclass(frozen=True)
class Line:
    """A message in a list."""

    message: Message
    template_name: str


@dataclass(frozen=True)
class SentMessage:
    """One message with what it says."""

    message: Message
    template: KnownTemplate
    content: Content
    has_pdf: bool
    provider: str | None
    html: str = ""


def list_sent(notify: Notify, member: Member, service_id: uuid.UUID, wanted: Wanted) -> list[Line]:
    """Give a page of a service's messages, newest first, test messages too.  Raises: MessageRefused for a recipient nobody could be."""
    with notify.transaction() as tx:
        lines = _lines(notify, tx.connection, tx.connection.execute(_select(notify, service_id, wanted, PAGE_SIZE)).all())
        if wanted.recipient:
            data: dict[str, str | int | bool | list[str]] = {"found": len(lines)}
            tx.record(Event.MESSAGES_SEARCHED, actor=member.actor, object_id=str(service_id), channel="console", data=data)
    return lines


def show_sent(notify: Notify, member: Member, service_id: uuid.UUID, notification_id: uuid.UUID) -> SentMessage:
    """Give one message of a service, and note who looked at it.  Raises: NotFound."""
    with notify.transaction() as tx:
        row = messages.find_service_row(tx.connection, service_id, notification_id, _kept(notify, service_id))
        template = find_template_version(tx.connection, service_id, row.template_id, row.template_version) if row else None
        if row is None or template is None:
            raise NotFound(gettext_noop("There is no such message, or it is past the time for which it is kept."))
        message = messages.open_row(row, notify.cipher)
        try:
            has_pdf = message.channel == Channel.LETTER and bool(letter_pages(tx.connection, message.id))
        except LetterNotRendered:
            has_pdf = False
        tx.record(Event.MESSAGE_VIEWED, actor=member.actor, object_id=str(notification_id), channel="console")
    content = compose(template, message.values)
    html = Markup(to_html(content.body)) if message.channel in {Channel.EMAIL, Channel.MAILBOX} else ""  # noqa: S704 - escaped by the renderer
    return SentMessage(message, template, content, has_pdf, row.provider if row.sent_at else None, html)


def letter_of(notify: Notify, member: Member, service_id: uuid.UUID, notification_id: uuid.UUID) -> bytes:
    """Give the PDF of a letter of this service, and note who looked at it.  Raises: NotFound."""
    gone = NotFound(gettext_noop("There is no such message, or it is past the time for which it is kept."))
    with notify.reading() as tx:
        row = messages.find_service_row(tx.connection, service_id, notification_id, _kept(notify, service_id))
    if row is None or row.channel != Channel.LETTER:
        raise gone
    try:
        pdf = get_letter_file(notify, service_id, notification_id).pdf
    except LetterNotRendered:
        raise gone from None
    with notify.transaction() as tx:
        tx.record(Event.MESSAGE_VIEWED, actor=member.actor, object_id=str(notification_id), channel="console")
    return pdf


def report(notify: Notify, member: Member, service_id: uuid.UUID, wanted: Wanted) -> Iterator[str]:
    """Give the messages as CSV text, piece by piece; cells that a spreadsheet would run as formulas are made text."""
    with notify.transaction() as tx:
        tx.record(Event.REPORT_TAKEN, actor=member.actor, object_id=str(service_id), channel="console")
    return _report(notify, service_id, wanted)


def _report(notify: Notify, service_id: uuid.UUID, wanted: Wanted) -> Iterator[str]:
    yield "\ufeff" + csv_line(COLUMNS)
    given = 0
    while given < REPORT_ROWS_MAX:
        with notify.listing() as tx:
            rows = tx.connection.execute(_select(notify, service_id, wanted, REPORT_STEP)).all()
            lines = _lines(notify, tx.connection, rows)
        for line in lines:
            message = line.message
            moments = [wire_time(message.created_at), wire_time(message.sent_at), wire_time(message.updated_at)]
            facts = [str(message.id), message.channel, message.status.value, message.to, line.template_name, str(message.template_version)]
            yield csv_line([*facts, message.reference or "", *(moment or "" for moment in moments)])
        if len(rows) < REPORT_STEP:
            return
        given += len(rows)
        wanted = replace(wanted, before=(rows[-1].created_at, rows[-1].id))


def _lines(notify: Notify, connection: Connection, rows: Sequence[Row[Any]]) -> list[Line]:
    templates = find_versions(connection, {(row.template_id, row.template_version) for row in rows})
    opened = (messages.open_row(row, notify.cipher) for row in rows)
    return [Line(message, templates[message.template_id, message.template_version].name) for message in opened]


def _select(notify: Notify, service_id: uuid.UUID, wanted: Wanted, size: int) -> Select[Any]:
    """Ask for a page of messages of all types of key: a page of each, of which the newest are taken, since the index goes by type."""
    pages = [_of_kind(notify, service_id, wanted, kind).limit(size).subquery() for kind in KEY_KINDS]
    table = union_all(*(select(page) for page in pages)).subquery()
    return select(table).order_by(table.c.created_at.desc(), table.c.id.desc()).limit(size)


def _of_kind(notify: Notify, service_id: uuid.UUID, wanted: Wanted, kind: str) -> Select[Any]:
    table, kept = Notification, _kept(notify, service_id)
    found = select(table.__table__).where(table.service_id == service_id, table.key_kind == kind, kept.condition)
    if wanted.channel:
        found = found.where(table.channel == wanted.channel)
    if wanted.status:
        found = found.where(table.status.in_([status.value for status in queried(wanted.status)]))
    if wanted.reference:
        found = found.where(table.reference == wanted.reference)
    if wanted.job:
        found = found.where(table.bulk_id == wanted.job)
    if wanted.recipient:
        region = rules_of(notify, service_id).number_region
        found = found.where(table.recipient_index == notify.catalogue.index(matched_recipient(wanted.recipient, region)))
    if wanted.before:
        found = found.where(tuple_(table.created_at, table.id) < tuple_(*wanted.before))
    return found.order_by(table.created_at.desc(), table.id.desc())


def _kept(notify: Notify, service_id: uuid.UUID) -> Kept:
    service, now = notify.catalogue.find_service(service_id), notify.clock.now()
    return kept_of(service, now) if service else Kept(now)
